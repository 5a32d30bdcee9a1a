/**
 * `/v1/responses/{id}` and what hangs below it: read, resumed, cancelled and deleted at the target that holds the response,
 * by callers of the project that it was returned to. Nothing is spent by that, so it leaves no row; but whoever sees the end
 * of a response in the background first has its usage booked (`background.ts`).
 */
import type { Target } from "../../config/snapshot.ts"
import { NO_REQUEST_FACTS } from "../../dialects/dialect.ts"
import { DIALECTS } from "../../dialects/registry.ts"
import { RouterError } from "../../errors.ts"
import type { StoredPlace } from "../../ledger/stored-state.ts"
import { readWhole, type UpstreamAnswer } from "../../upstream/answer.ts"
import { copyResponseHeaders, forwardedHeaders } from "../../upstream/headers.ts"
import { readOn } from "../answer/drain.ts"
import { openUnstreamed } from "../answer/unstreamed.ts"
import { UpstreamStream } from "../answer/upstream-stream.ts"
import { authenticate } from "../authenticate.ts"
import type { KnownCall } from "../call.ts"
import { newAttempt, type Attempt } from "../call/attempt.ts"
import type { Gateway } from "../gateway.ts"
import type { Incoming, Outgoing } from "../message.ts"
import { isFailure, isRefused, speaks, TimeLimit, wordsOf, type Refused } from "../targets/exchange.ts"
import { hashOf, targetAt } from "../targets/held-state.ts"
import { renameRefusal, renameReply } from "../translation/shown-model.ts"
import { askUpstream, beginAside, endAside } from "./aside.ts"
import { resumedStream } from "./resumed-stream.ts"

const RESPONSES = DIALECTS["openai-responses"]

/** What hangs below a response, and how it is asked for. */
const METHODS: ReadonlyMap<string, readonly string[]> = new Map([
  ["", ["GET", "DELETE"]],
  ["/cancel", ["POST"]],
  ["/input_items", ["GET"]],
])
/** What the vendor reads; nothing else of a query goes upstream. */
const QUERY: ReadonlySet<string> = new Set([
  "stream",
  "starting_after",
  "include_obfuscation",
  "include",
  "include[]",
  "after",
  "before",
  "limit",
  "order",
])

export interface StoredResponsePath {
  readonly id: string
  /** `""`, `/cancel` or `/input_items`. */
  readonly below: string
  readonly methods: readonly string[]
}

/** Null where the path is none of these. */
export function storedResponsePath(path: string): StoredResponsePath | null {
  const found = /^(?:\/v1){0,2}\/responses\/([\w-][\w.-]{0,255})(\/\w+)?$/.exec(path)
  const [, id, below = ""] = found ?? []
  const methods = METHODS.get(below)
  return id === undefined || methods === undefined ? null : { id, below, methods }
}

/** @throws RouterError `not-found` for what was not returned to the caller's project, `method-not-allowed`, and as for a call */
export async function storedResponse(
  incoming: Incoming,
  path: StoredResponsePath,
  gateway: Gateway,
): Promise<Outgoing> {
  if (gateway.draining) throw new RouterError("shutting-down")
  const begun = beginAside(incoming, RESPONSES, gateway)
  let isStream = false
  try {
    const call = begun.learnCaller(authenticate(incoming.headers, begun.snapshot, begun.ts))
    const asked = await find(call, path, gateway)
    if (!path.methods.includes(incoming.method))
      throw new RouterError("method-not-allowed", { headers: { allow: path.methods.join(", ") } })
    // once it is deleted nobody tells
    if (asked.isPending && incoming.method === "DELETE") await gateway.background.ask(asked.place.request_id)
    const tried = newAttempt(asked.target, null, 0, gateway)
    const told = await ask(tried, asked, gateway)
    if (isRefused(told)) return relay(told, asked)
    isStream = told.bytes === null
    if (told.bytes !== null) return await reply(told.answer, told.bytes, asked, gateway)
    return resume(told.answer, tried, asked, gateway)
  } catch (error) {
    throw begun.life.stopped ?? error
  } finally {
    if (!isStream) endAside(begun, gateway)
  }
}

/** What a client asks of a response. */
interface Question {
  readonly call: KnownCall
  readonly path: StoredResponsePath
  readonly place: StoredPlace
  readonly target: Target
  /** The model name that the client reads; null: the upstream's own. */
  readonly shown: string | null
  /** What the response uses is not booked yet. */
  readonly isPending: boolean
}

function queryOf(incoming: Incoming): URLSearchParams {
  const given = new URL(incoming.target, "http://localhost").searchParams
  return new URLSearchParams([...given].filter(([name]) => QUERY.has(name)))
}

function asksForStream(incoming: Incoming): boolean {
  return incoming.method === "GET" && queryOf(incoming).get("stream") === "true"
}

async function find(call: KnownCall, path: StoredResponsePath, { storedStates }: Gateway): Promise<Question> {
  const { snapshot, credential } = call
  const hash = hashOf(call, { kind: "response", id: path.id })
  const found = await storedStates.find([hash]).catch((cause: unknown) => {
    throw new RouterError("usage-store-unavailable", { cause })
  })
  const place = found.get(hash)
  const group = place === undefined ? undefined : snapshot.groups.get(place.resolved_group)
  const target = place === undefined || group === undefined ? null : targetAt(group, place)
  if (place === undefined || group === undefined || target === null || !credential.caller.allowed.has(group.name))
    throw new RouterError("not-found", {
      message: "There is no such response: it was not returned to this project, has expired, or its target is gone.",
    })
  const shown = snapshot.showsRequestedModel ? group.name : null
  return { call, path, place, target, shown, isPending: place.usage_pending === 1 }
}

interface Told {
  readonly answer: UpstreamAnswer
  /** The whole answer; null: it is a stream. */
  readonly bytes: Uint8Array | null
}

/** @throws RouterError `upstream-failed` */
async function ask(tried: Attempt, { call, path, target }: Question, gateway: Gateway): Promise<Told | Refused> {
  const { incoming, credential, snapshot } = call
  const url = new URL(target.url)
  url.pathname += `/${path.id}${path.below}`
  for (const [name, value] of queryOf(incoming)) url.searchParams.append(name, value)
  const request = {
    method: incoming.method,
    target: { ...target, url: url.href },
    beta: false,
    headers: forwardedHeaders(incoming.headers, RESPONSES.name, target, credential.caller.id),
    body: [],
  }
  const take = async (answer: UpstreamAnswer): Promise<Told> => {
    const read =
      answer.status === 200 && asksForStream(incoming) ? await openUnstreamed(answer) : { answer, isStream: false }
    if (read.isStream) return { answer: read.answer, bytes: null }
    return { answer: read.answer, bytes: await readWhole(read.answer, snapshot.limits.maxResponseBytes) }
  }
  const limit = new TimeLimit(target.patience.wholeMs, gateway.clock)
  tried.cancel = limit.cancel
  const told = await askUpstream(request, limit, call, gateway, take)
  if (isFailure(told)) throw new RouterError("upstream-failed", { cause: told })
  return told
}

async function reply(
  answer: UpstreamAnswer,
  bytes: Uint8Array,
  { call, path, place, target, shown, isPending }: Question,
  gateway: Gateway,
): Promise<Outgoing> {
  const { background, storedStates } = gateway
  if (call.incoming.method === "DELETE") {
    if (isPending) await background.gone(place.request_id)
    // what is not deleted here expires
    await storedStates.forget(hashOf(call, { kind: "response", id: path.id })).catch(() => {})
  } else if (isPending && path.below !== "/input_items") await background.heard(place.request_id, bytes)
  const headers: Record<string, string> = { "content-type": "application/json" }
  copyResponseHeaders(answer.headers, target.provider.secrets, headers)
  return { status: answer.status, headers, body: await renameReply(bytes, shown, call.credential.caller.id, gateway) }
}

/** The provider's words where it speaks of the request. @throws RouterError `not-found`, or what the refusal means */
function relay(refused: Refused, { target, shown }: Question): Outgoing {
  const { status, failure } = refused
  if (status === 404) throw new RouterError("not-found", { message: "The provider no longer has this response." })
  if (!speaks(refused) || failure.failover) throw new RouterError(failure.code)
  const { bytes, contentType } = wordsOf(refused, target.provider.secrets)
  const headers = { "content-type": contentType, "x-should-retry": "false" }
  return { status, headers, body: renameRefusal(bytes, shown, target.model) }
}

/** The stream from where the client wants it. Ends the request aside when it ends. */
function resume(answer: UpstreamAnswer, tried: Attempt, asked: Question, gateway: Gateway): Outgoing {
  const { call, place, shown, isPending } = asked
  const { id, life, incoming, snapshot } = call
  const { background, clock, log, loop, apart } = gateway
  const facts = { ...NO_REQUEST_FACTS, stream: true }
  const { maxFrameBytes } = snapshot.limits
  const stream = new UpstreamStream({
    answer,
    attempt: tried,
    id,
    facts,
    shown,
    maxFrameBytes,
    life,
    clock,
    log,
    loop,
    apart,
    callerId: place.caller_id,
    copy: null,
    grow: null,
  })
  const ended = async (): Promise<void> => {
    const told = stream.observer.facts()
    if (isPending && told.usage !== null) await background.heard(place.request_id, told)
  }
  const release = (): void => endAside(call, gateway)
  life.onStop = stream.stop
  incoming.onGone = () => {
    if (isPending && readOn(life, gateway, tried.cancel)) return
    tried.cancel()
    release()
  }
  return resumedStream(stream, answer, ended, release)
}
