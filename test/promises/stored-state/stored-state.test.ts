/** Ids of stored state work for the project that they were returned to, at the target that issued them, and nowhere else. */
import { afterAll, beforeAll, expect, test } from "bun:test"
import { reply, stream } from "../../helpers/behaviours.ts"
import { callerEntry, newToken, targetsOf } from "../../helpers/config.ts"
import { expectError } from "../../helpers/expectations.ts"
import { bodyText, FakeUpstream, type Behaviour } from "../../helpers/fake-upstream.ts"
import type { Gateway } from "../../helpers/gateway.ts"
import { startGateway } from "../../helpers/gateway.ts"
import { handOut } from "../../helpers/stored-ids.ts"
import type { Dialect } from "../../helpers/samples.ts"
import { SAMPLES } from "../../helpers/samples.ts"
import { at } from "../../helpers/streams.ts"

let first: FakeUpstream
let second: FakeUpstream
let gateway: Gateway
const stranger = newToken("k2")
const colleague = newToken("k3")

beforeAll(async () => {
  first = await FakeUpstream.start()
  second = await FakeUpstream.start()
  gateway = await startGateway({
    upstreams: { first, second },
    configure: (config) => {
      const only = (name: string, dialect: Dialect): Record<string, unknown>[] =>
        targetsOf([name]).filter(({ provider }) => provider === `${name}-${dialect}`)
      for (const dialect of ["chat", "responses", "messages"] as const) {
        config.models[`both-${dialect}`] = {
          strategy: "failover",
          targets: [...only("first", dialect), ...only("second", dialect)],
        }
        config.models[`second-${dialect}`] = { strategy: "static", targets: only("second", dialect) }
      }
      config.projects.push({ id: "other", name: "Other", status: "active" })
      config.project_memberships.push({ user_id: "me", project: "other", role: "owner", status: "active" })
      const allow = Object.keys(config.models)
      config.callers = [
        { ...config.callers[0], allow },
        callerEntry("stranger", stranger, allow, { project: "other" }),
        callerEntry("colleague", colleague, allow),
      ]
    },
  })
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await Promise.all([first.stop(), second.stop()])
})

let lastId = 0
function fresh(prefix: string): string {
  return `${prefix}_${++lastId}`
}

/** The sample answer with other members. */
function answerWith(dialect: Dialect, members: Readonly<Record<string, unknown>>): Behaviour {
  return reply(JSON.stringify({ ...(JSON.parse(SAMPLES[dialect].unary()) as object), ...members }))
}

function request(dialect: Dialect, text: string, extra: Readonly<Record<string, unknown>>, model?: string): string {
  return SAMPLES[dialect].request({ model: model ?? `both-${dialect}`, text, extra })
}

/** A first call that the first upstream answers with these members. */
async function obtain(
  dialect: Dialect,
  members: Readonly<Record<string, unknown>>,
  extra: Readonly<Record<string, unknown>> = {},
): Promise<void> {
  const marker = fresh("<first")
  first.plan(marker, answerWith(dialect, members))
  expect((await gateway.call(dialect, request(dialect, marker, extra))).status).toBe(200)
}

interface Case {
  readonly name: string
  readonly dialect: Dialect
  /** The first call's answer, and what its request asks for. */
  readonly returned: (id: string) => Readonly<Record<string, unknown>>
  readonly asked?: Readonly<Record<string, unknown>>
  readonly point: (id: string) => Readonly<Record<string, unknown>>
}

const message = (content: unknown): unknown => ({ type: "message", role: "assistant", id: "msg_1", content })
const CASES: readonly Case[] = [
  {
    name: "previous_response_id",
    dialect: "responses",
    returned: (id) => ({ id }),
    point: (id) => ({ previous_response_id: id }),
  },
  {
    name: "conversation",
    dialect: "responses",
    returned: (id) => ({ conversation: { id } }),
    point: (id) => ({ conversation: id }),
  },
  {
    name: "conversation object",
    dialect: "responses",
    returned: (id) => ({ conversation: { id } }),
    point: (id) => ({ conversation: { id } }),
  },
  {
    name: "container of a code interpreter",
    dialect: "responses",
    returned: (id) => ({ output: [{ type: "code_interpreter_call", id: "ci_1", container_id: id }] }),
    point: (id) => ({ tools: [{ type: "code_interpreter", container: id }] }),
  },
  {
    name: "file of an annotation",
    dialect: "responses",
    returned: (id) => ({
      output: [
        message([{ type: "output_text", text: "", annotations: [{ type: "container_file_citation", file_id: id }] }]),
      ],
    }),
    point: (id) => ({ input: [{ role: "user", content: [{ type: "input_file", file_id: id }] }] }),
  },
  {
    name: "file in a container's list",
    dialect: "responses",
    returned: (id) => ({
      output: [message([{ type: "output_text", text: "", annotations: [{ type: "file_path", file_id: id }] }])],
    }),
    point: (id) => ({ tools: [{ type: "code_interpreter", container: { type: "auto", file_ids: [id] } }] }),
  },
  {
    name: "container",
    dialect: "messages",
    returned: (id) => ({ container: { id, expires_at: "2027-01-01T00:00:00Z" } }),
    point: (id) => ({ container: id }),
  },
  {
    name: "file of code execution",
    dialect: "messages",
    returned: (id) => ({
      content: [
        {
          type: "code_execution_tool_result",
          tool_use_id: "srvtoolu_1",
          content: { type: "code_execution_result", content: [{ type: "code_execution_output", file_id: id }] },
        },
      ],
    }),
    point: (id) => ({
      messages: [{ role: "user", content: [{ type: "document", source: { type: "file", file_id: id } }] }],
    }),
  },
  {
    name: "sound of an answer",
    dialect: "chat",
    returned: (id) => ({
      choices: [
        {
          index: 0,
          finish_reason: "stop",
          message: { role: "assistant", content: null, audio: { id, data: "", expires_at: 1, transcript: "x" } },
        },
      ],
    }),
    point: (id) => ({
      messages: [
        { role: "assistant", audio: { id } },
        { role: "user", content: id },
      ],
    }),
  },
  {
    name: "container of an earlier step",
    dialect: "responses",
    returned: (id) => ({ output: [{ type: "code_interpreter_call", id: "ci_1", container_id: id }] }),
    point: (id) => ({ tools: [{ type: "code_interpreter", container: { type: "auto", container_id: id } }] }),
  },
  {
    name: "thread",
    dialect: "messages",
    asked: { thread: { type: "create" } },
    returned: (id) => ({ id }),
    point: (id) => ({ thread: { type: "continue", previous_message_id: id } }),
  },
]

test.each(CASES.map((each) => [`${each.dialect}: ${each.name}`, each] as const))("%s", async (_, each) => {
  const { dialect, point } = each
  const id = fresh("id")
  const reached = (): number => first.exchanges.length + second.exchanges.length
  const before = reached()
  const ask = (token?: string, model?: string): ReturnType<Gateway["call"]> =>
    gateway.call(dialect, request(dialect, id, { ...point(id) }, model), token === undefined ? {} : { token })
  expectError(await ask(), dialect, 404, "not-found")
  expect(reached()).toBe(before)
  await obtain(dialect, each.returned(id), each.asked)
  first.plan(id, answerWith(dialect, {}))
  second.plan(id, answerWith(dialect, {}))
  const afterFirst = reached()
  expectError(await ask(stranger), dialect, 404, "not-found")
  expectError(await ask(undefined, `second-${dialect}`), dialect, 400, "stateful-unsupported")
  expect(reached()).toBe(afterFirst)
  expect((await ask()).status).toBe(200)
  expect((await ask(colleague)).status).toBe(200)
  expect(first.received(id)).toHaveLength(2)
  expect(second.received(id)).toHaveLength(0)
})

test("the holder is not replaced when it fails", async () => {
  const id = fresh("resp")
  await obtain("responses", { id })
  first.plan(id, reply("{}", { status: 500 }))
  second.plan(id, answerWith("responses", {}))
  expectError(
    await gateway.call("responses", request("responses", "x", { previous_response_id: id })),
    "responses",
    502,
    "upstream-failed",
  )
  expect(second.received(id)).toHaveLength(0)
})

test("state that the provider no longer has is said so in its own words", async () => {
  const id = fresh("msg")
  await obtain("messages", { id }, { thread: { type: "create" } })
  const words = {
    type: "error",
    error: { type: "not_found_error", message: "no thread", details: { error_code: "thread_not_found" } },
  }
  first.plan(id, reply(JSON.stringify(words), { status: 404 }))
  const extra = { thread: { type: "continue", previous_message_id: id } }
  const answer = await gateway.call("messages", request("messages", "x", extra))
  expect(answer.status).toBe(404)
  expect(JSON.parse(answer.text)).toEqual(words)
})

test("what is not stored cannot be pointed at", async () => {
  const id = fresh("resp")
  await obtain("responses", { id }, { store: false })
  const answer = await gateway.call("responses", request("responses", "x", { previous_response_id: id }))
  expectError(answer, "responses", 404, "not-found")
})

test("a stream hands out its ids, too", async () => {
  for (const dialect of ["responses", "messages"] as const) {
    const id = fresh("streamed")
    const marker = fresh("<stream")
    const name = dialect === "responses" ? "resp_1" : "msg_1"
    const frames = SAMPLES[dialect].frames().map((frame) => frame.replaceAll(`"${name}"`, `"${id}"`))
    expect(frames.join("")).toContain(id)
    first.plan(marker, stream(frames))
    const extra = dialect === "messages" ? { thread: { type: "create" }, stream: true } : { stream: true }
    await gateway.call(dialect, request(dialect, marker, extra))
    first.plan(id, answerWith(dialect, {}))
    const point = dialect === "responses" ? { previous_response_id: id } : { thread: { type: "continue", id } }
    expect((await gateway.call(dialect, request(dialect, "x", point))).status).toBe(200)
  }
})

test("references to items: kept where the target has them, else left out and said", async () => {
  const item = fresh("item")
  await obtain("responses", { output: [{ ...(message([]) as object), id: item }] })
  first.plan("<references>", answerWith("responses", {}))
  const input = [{ type: "item_reference", id: item }, { id: "foreign_1" }, { role: "user", content: "<references>" }]
  const answer = await gateway.call("responses", request("responses", "", { input }))
  expect(answer.status).toBe(200)
  expect(answer.headers.get("x-router-losses")).toBe("stored-reference")
  const [sent] = first.received("<references>")
  expect(
    at(JSON.parse(bodyText(sent?.request ?? { method: "", target: "", headerLines: [], body: Buffer.of() })), "input"),
  ).toEqual([input[0], input[2]])
  expect(gateway.records.losses(answer.requestId)).toMatchObject([{ code: "stored-reference", path: "input[1]" }])
})

test("a name behind escapes, or said twice, hides nothing", async () => {
  const body = request("responses", "", { input: [{ role: "user", content: [{ type: "input_file", file_id: "f" }] }] })
  const escaped = body.replace('"file_id"', String.raw`"file\u005fid"`)
  expect(escaped).not.toBe(body)
  expectError(await gateway.call("responses", escaped), "responses", 404, "not-found")
  const mine = fresh("file")
  handOut(gateway.directory, { kind: "file", id: mine, provider: "first-responses", dialect: "openai-responses" })
  first.plan("<twice>", answerWith("responses", {}))
  const twice = request("responses", "<twice>", {}).replace(
    '"content":"<twice>"',
    `"content":[{"type":"input_file","file_id":"theirs","file_id":"${mine}"},{"type":"input_text","text":"<twice>"}]`,
  )
  expect(twice).toContain("theirs")
  expect((await gateway.call("responses", twice)).status).toBe(200)
  const [sent] = first.received("<twice>")
  expect(Buffer.from(sent?.request.body ?? []).toString()).not.toContain("theirs")
})

test("arguments of tools that look like ids are mere text", async () => {
  first.plan("<arguments>", answerWith("messages", {}))
  const messages = [
    { role: "user", content: "<arguments>" },
    { role: "assistant", content: [{ type: "tool_use", id: "toolu_1", name: "read", input: { file_id: "report" } }] },
    { role: "user", content: [{ type: "tool_result", tool_use_id: "toolu_1", content: "done" }] },
  ]
  expect((await gateway.call("messages", request("messages", "", { messages }))).status).toBe(200)
})

test("a stream hands out the ids of its sound", async () => {
  const id = fresh("audio")
  const marker = fresh("<sound")
  const chunk = (delta: object, reason: string | null): string =>
    `data: ${JSON.stringify({ id: "c", object: "chat.completion.chunk", created: 1, model: "m", choices: [{ index: 0, delta, finish_reason: reason }] })}\n\n`
  const sound = [chunk({ role: "assistant", audio: { id } }, null), chunk({ audio: { data: "AA==" } }, null)]
  first.plan(marker, stream([...sound, chunk({ content: "x" }, null), chunk({}, "stop"), "data: [DONE]\n\n"]))
  expect((await gateway.call("chat", request("chat", marker, { stream: true }))).status).toBe(200)
  first.plan(id, answerWith("chat", {}))
  const messages = [
    { role: "assistant", audio: { id } },
    { role: "user", content: "again" },
  ]
  expect((await gateway.call("chat", request("chat", "", { messages }))).status).toBe(200)
  expectError(
    await gateway.call("chat", request("chat", "", { messages }), { token: stranger }),
    "chat",
    404,
    "not-found",
  )
})

test("an answer to compare with binds the call to no target", async () => {
  const id = fresh("msg")
  await obtain("messages", { id }, { diagnostics: { previous_message_id: null } })
  const marker = fresh("<compared")
  first.plan(marker, reply("{}", { status: 500 }))
  second.plan(marker, answerWith("messages", {}))
  const body = request("messages", marker, { diagnostics: { previous_message_id: id } })
  expect((await gateway.call("messages", body)).status).toBe(200)
  expect(second.received(marker)).toHaveLength(1)
  expect((await gateway.call("messages", body, { token: stranger })).headers.get("x-router-losses")).toBe(
    "stored-reference",
  )
  expect(second.received(marker).map(({ request: sent }) => bodyText(sent).includes(id))).toEqual([true, false])
})

test("expired ids are unknown ones", async () => {
  const id = fresh("resp")
  handOut(gateway.directory, {
    kind: "response",
    id,
    provider: "first-responses",
    dialect: "openai-responses",
    expiresAt: 1,
  })
  const answer = await gateway.call("responses", request("responses", "x", { previous_response_id: id }))
  expectError(answer, "responses", 404, "not-found")
})

test("no id stands in the router's files", async () => {
  const id = fresh("resp_secret_id")
  await obtain("responses", { id })
  expect(gateway.records.leaks([id])).toEqual([])
})

test("tokens of what another project stored are not counted", async () => {
  const id = fresh("file")
  handOut(gateway.directory, { kind: "file", id, provider: "first-messages", dialect: "anthropic" })
  const messages = [{ role: "user", content: [{ type: "document", source: { type: "file", file_id: id } }] }]
  const path = "/v1/messages/count_tokens"
  first.plan(id, reply('{"input_tokens":5}'))
  const body = request("messages", "", { messages })
  expectError(await gateway.call("messages", body, { path, token: stranger }), "messages", 404, "not-found")
  expect((await gateway.call("messages", body, { path })).text).toBe('{"input_tokens":5}')
})

test("escapes of what is no name cost nothing but a look", async () => {
  first.plan("<escapes>", answerWith("responses", {}))
  const body = request("responses", "<escapes>", {}).replace("<escapes>", `<escapes> ${"\\u003c\\u00e9".repeat(100)}`)
  expect((await gateway.call("responses", body)).status).toBe(200)
  const [sent] = first.received("<escapes>")
  expect(Buffer.from(sent?.request.body ?? []).toString()).toContain("\\u003c\\u00e9")
})
