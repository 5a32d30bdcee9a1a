/** Reads what an upstream says of its models: its list, and what engines tell beside it. */
import { llamaFacts, type ListedModel, type ModelList, ollamaFacts, readModelList } from "../catalogue/model-list.ts"
import type { ModelFacts } from "../catalogue/model-facts.ts"
import type { ConnectionRule } from "../config/compile/connection-rule.ts"
import type { Engine } from "../config/compile/known-targets.ts"
import type { Target } from "../config/snapshot.ts"
import { NO_FAULT } from "../dialects/dialect.ts"
import { parseBytes } from "../dialects/loose.ts"
import { DIALECTS } from "../dialects/registry.ts"
import type { Reason } from "../reasons.ts"
import type { Clock } from "../system/clock.ts"
import { classifyStatus } from "../upstream/failure.ts"
import { Upstream } from "../upstream/send.ts"
import { listUrl } from "../upstream/beside.ts"
import { askUpstream, type AskedUpstream } from "./ask-upstream.ts"
import { upstreamSockets } from "./connection-bounds.ts"

export type Discovered =
  | { readonly is: "list"; readonly list: ModelList }
  /** `status` null: no answer came. */
  | { readonly is: "fault"; readonly reason: Reason; readonly status: number | null }
  /** It answered with something else. */
  | { readonly is: "no-list"; readonly status: number }

interface Means {
  readonly upstream: Upstream
  readonly clock: Clock
}

/** @param target of the provider; its model means nothing. Never rejects. */
export async function discover(
  target: Target,
  {
    connections,
    engine,
    clock,
    wanted,
  }: {
    readonly connections: ConnectionRule
    readonly engine: Engine | undefined
    readonly clock: Clock
    /** Engines are asked about these models alone. */
    readonly wanted: (id: string) => boolean
  },
): Promise<Discovered> {
  const upstream = new Upstream(clock, upstreamSockets(connections))
  try {
    return await listed(target, engine, wanted, { upstream, clock })
  } finally {
    upstream.close()
  }
}

async function listed(
  target: Target,
  engine: Engine | undefined,
  wanted: (id: string) => boolean,
  means: Means,
): Promise<Discovered> {
  const answer = await askUpstream(target, { url: listUrl(target), method: "GET" }, means)
  const isOllama = engine === "ollama" || target.origin.port === OLLAMA_PORT
  const isMissing = typeof answer !== "string" && answer.status === 404
  // before it followed OpenAI it had a list of its own
  const used =
    isOllama && isMissing
      ? await askUpstream(target, { url: atTop(target, "/api/tags"), method: "GET" }, means)
      : answer
  if (typeof used === "string") return { is: "fault", reason: used, status: null }
  const { status } = used
  if (status < 200 || status >= 300) return { is: "fault", reason: faultOf(used, target), status }
  const list = readModelList(parsed(used))
  if (list === null) return { is: "no-list", status }
  const models = isOllama
    ? await eachShown(list.models, wanted, target, means)
    : await withProps(list.models, engine, target, means)
  return { is: "list", list: { ...list, models } }
}

const OLLAMA_PORT = 11_434

function faultOf({ status, bytes }: AskedUpstream, { dialect, model }: Target): Reason {
  return classifyStatus(status, DIALECTS[dialect].readFault(bytes) ?? NO_FAULT, model).reason
}

/** Also where it is a list at the top, as Together's. */
function parsed({ bytes }: AskedUpstream): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes)) as unknown
  } catch {
    return null
  }
}

/** So many models are asked about, one after another. */
const MOST_SHOWN = 50

async function eachShown(
  models: readonly ListedModel[],
  wanted: (id: string) => boolean,
  target: Target,
  means: Means,
): Promise<readonly ListedModel[]> {
  const shown = new Map<string, Partial<ModelFacts>>()
  for (const { id } of models.filter((model) => wanted(model.id)).slice(0, MOST_SHOWN)) {
    const ask = { url: atTop(target, "/api/show"), method: "POST", body: JSON.stringify({ model: id }) } as const
    const answer = await askUpstream(target, ask, means)
    if (typeof answer === "string" || answer.status !== 200) break
    shown.set(id, ollamaFacts(parseBytes(answer.bytes)))
  }
  return models.map((model) => ({ ...model, ...shown.get(model.id) }))
}

/** llama.cpp serves one model, and tells of itself. */
async function withProps(
  models: readonly ListedModel[],
  engine: Engine | undefined,
  target: Target,
  means: Means,
): Promise<readonly ListedModel[]> {
  const [only] = models
  const isLlama = engine === "llama.cpp" || only?.owner === "llamacpp"
  if (!isLlama || only === undefined || models.length !== 1) return models
  const answer = await askUpstream(target, { url: atTop(target, "/props"), method: "GET" }, means)
  if (typeof answer === "string" || answer.status !== 200) return models
  const told = Object.entries(llamaFacts(parseBytes(answer.bytes))).filter(([, value]) => value !== null)
  return [{ ...only, ...Object.fromEntries(told) }]
}

function atTop({ url }: Target, path: string): string {
  const made = new URL(url)
  made.pathname = path
  return made.href
}
