/** An id of another project gets a caller nothing, in whichever place of whichever dialect it stands. */
import { afterAll, beforeAll, expect, test } from "bun:test"
import type { IdPlace } from "../../../src/dialects/id-places.ts"
import { DIALECTS } from "../../../src/dialects/registry.ts"
import { reply } from "../../helpers/behaviours.ts"
import { targetsOf } from "../../helpers/config.ts"
import { expectError } from "../../helpers/expectations.ts"
import { bodyText, FakeUpstream } from "../../helpers/fake-upstream.ts"
import type { Gateway } from "../../helpers/gateway.ts"
import { startGateway } from "../../helpers/gateway.ts"
import { ALL_SAMPLES, type Dialect, SAMPLES } from "../../helpers/samples.ts"
import { handOut } from "../../helpers/stored-ids.ts"

let upstream: FakeUpstream
let gateway: Gateway

beforeAll(async () => {
  upstream = await FakeUpstream.start()
  for (const sample of ALL_SAMPLES) upstream.plan(`for ${sample.dialect}`, reply(sample.unary()))
  gateway = await startGateway({
    upstreams: { upstream },
    configure: (config) => {
      for (const dialect of ["chat", "responses", "messages"] as const) {
        const targets = targetsOf(["upstream"]).filter(({ provider }) => provider === `upstream-${dialect}`)
        config.models[`own-${dialect}`] = { strategy: "static", targets }
      }
      config.projects.push({ id: "other", name: "Other", status: "active" })
      config.callers = [{ ...config.callers[0], allow: Object.keys(config.models) }]
    },
  })
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream.stop()
})

type Members = Readonly<Record<string, unknown>>

/** What stands beside the id where only some objects hold one. */
const BESIDE: Readonly<Record<string, readonly Members[]>> = {
  "responses input[].id leave-out": [
    { type: "item_reference" },
    {},
    { type: null },
    { type: "reasoning", summary: [] },
    { type: "reasoning", summary: [{ type: "summary_text", text: 'no "encrypted_content":"x" at all' }] },
    { type: "reasoning", summary: [], encrypted_content: "" },
    { type: "reasoning", summary: [], encrypted_content: null },
    { type: "compaction" },
    { type: "image_generation_call", status: "completed" },
    { type: "image_generation_call", result: null },
  ],
  "responses input[].id rename": [
    { type: "reasoning", summary: [], content: [{ type: "reasoning_text", text: "shown" }] },
    { type: "web_search_call", status: "completed", action: { type: "search", query: "q" } },
    { type: "file_search_call", queries: ["q"], results: null },
    { type: "code_interpreter_call", code: "1", outputs: [] },
  ],
  "messages thread{} refuse": [{ type: "continue" }],
  "messages system[+].file_id refuse": [{ type: "container_upload" }],
  "messages messages[].content[+].file_id refuse": [{ type: "container_upload" }],
}

/** How an object stands in another one of its kind, by the name of their list. */
const NESTED: Readonly<Record<string, (inner: unknown) => unknown>> = {
  tools: (inner) => ({ type: "mcp", tools: [inner] }),
  content: (inner) => ({ type: "tool_result", tool_use_id: "t", content: [inner] }),
  system: (inner) => ({ type: "document", source: { type: "content", content: [inner] } }),
}

/** The value of the first step of a place, down to the id. `beside`: other members of the object that holds it. */
function valueAt(steps: readonly string[], id: string, beside: Members, isNested: boolean, list = ""): unknown {
  const [step = "", ...rest] = steps
  if (steps.length === 0) return id
  const inner = valueAt(rest, id, beside, isNested, step)
  const holder = rest.length === 0 ? beside : {}
  if (step === "[]") return [inner]
  if (step === "[+]") return [isNested ? (NESTED[list]?.(inner) ?? inner) : inner]
  if (step === "{}") return { ...holder, any: inner }
  return { ...holder, [step]: inner }
}

function bodyWith(dialect: Dialect, place: IdPlace, id: string, beside: Members, isNested: boolean): string {
  const steps = place.at.split(/\.|(?=\[|\{)/)
  const member = valueAt(steps, id, beside, isNested) as Record<string, unknown>
  const marker = { role: "user", content: `for ${dialect}` }
  const role = dialect === "chat" ? "assistant" : "user"
  for (const list of ["input", "messages"])
    if (Array.isArray(member[list]))
      member[list] = [
        marker,
        ...(member[list] as object[]).map((one) => (list === "messages" ? { role, ...one } : one)),
      ]
  return SAMPLES[dialect].request({ model: `own-${dialect}`, text: `for ${dialect}`, extra: member })
}

interface Case {
  readonly dialect: Dialect
  readonly place: IdPlace
  readonly beside: Members
  readonly isNested: boolean
}

const CASES: readonly Case[] = ALL_SAMPLES.flatMap(({ dialect, configName }) =>
  DIALECTS[configName].stored.places.flatMap((place) => {
    const known = BESIDE[`${dialect} ${place.at} ${place.binding}`]
    if (known === undefined && place.where !== undefined) throw new Error(`say what stands beside ${place.at}`)
    const nestings = place.at.includes("[+]") ? [false, true] : [false]
    return (known ?? [{}]).flatMap((beside) => nestings.map((isNested) => ({ dialect, place, beside, isNested })))
  }),
)

let count = 0

test.each(
  CASES.map((one) => {
    const { dialect, place, beside, isNested } = one
    return [`${dialect}: ${place.at} ${JSON.stringify(beside)}${isNested ? ", nested" : ""}`, one] as const
  }),
)("%s", async (_, { dialect, place, beside, isNested }) => {
  const id = `xx_${++count}`
  const { configName } = SAMPLES[dialect]
  const body = bodyWith(dialect, place, id, beside, isNested)
  expect(body).toContain(id)
  const ask = async (): Promise<{ readonly answer: Awaited<ReturnType<Gateway["call"]>>; readonly sent: string[] }> => {
    const before = upstream.exchanges.length
    const answer = await gateway.call(dialect, body)
    return { answer, sent: upstream.exchanges.slice(before).map(({ request }) => bodyText(request)) }
  }
  const place_ = { id, provider: `upstream-${dialect}`, dialect: configName }
  if (place.kind !== null) handOut(gateway.directory, { ...place_, kind: place.kind, project: "other" })
  const { answer, sent } = await ask()
  if (place.binding === "refuse") {
    expectError(answer, dialect, 404, "not-found")
    expect(sent).toEqual([])
  } else {
    expect(answer.status).toBe(200)
    expect(sent.map((text) => text.includes(`"${id}"`))).toEqual([place.kind === null])
    const isLost = place.binding === "leave-out" || place.binding === "hint"
    expect(answer.headers.get("x-router-losses")).toBe(isLost ? "stored-reference" : null)
  }
  if (place.kind === null) return
  handOut(gateway.directory, { ...place_, kind: place.kind })
  expect((await ask()).sent.map((text) => text.includes(`"${id}"`))).toEqual([true])
})
