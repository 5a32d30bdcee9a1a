/** What only Responses has: searches for tools, messages of agents, sealed summaries and references, at targets of every dialect. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { accumulate } from "../../helpers/accumulate.ts"
import { cutEvery, reply, stream } from "../../helpers/behaviours.ts"
import { parsed } from "../../helpers/expectations.ts"
import { bodyText, FakeUpstream } from "../../helpers/fake-upstream.ts"
import type { Gateway } from "../../helpers/gateway.ts"
import { startGateway } from "../../helpers/gateway.ts"
import type { Dialect } from "../../helpers/samples.ts"
import { streamedAnswer, wholeAnswer } from "../../helpers/scenario.ts"
import { at, framesOf, jsonOf } from "../../helpers/streams.ts"
import { allowAll, groupOf, translating } from "../../helpers/translating.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"

type Json = Readonly<Record<string, unknown>>

let upstream: FakeUpstream
let gateway: Gateway

beforeAll(async () => {
  upstream = (await FakeUpstream.start()).otherwise(vendorAnswer())
  gateway = await startGateway({
    upstreams: { upstream },
    configure: (config) => {
      translating(config, ["upstream"])
      const targets = ["chat", "responses"].flatMap(
        (dialect) => config.models[`upstream-${dialect}`]!["targets"] as Json[],
      )
      config.models["both"] = { strategy: "failover", targets }
      allowAll(config)
    },
  })
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream.stop()
})

const SCHEMA = { type: "object", properties: { query: { type: "string" } }, required: ["query"] }
const SEARCH = { type: "tool_search", execution: "client", description: "Finds tools.", parameters: SCHEMA }
const FOUND = {
  type: "namespace",
  name: "mcp__demo",
  tools: [
    { type: "function", name: "add_two", description: "Adds.", parameters: SCHEMA, strict: false, defer_loading: true },
  ],
}

function ask(group: string, input: unknown, more: Json = {}): string {
  return JSON.stringify({ model: group, input, store: false, ...more })
}

const fromUser = (content: string): Json => ({ role: "user", content })

function sentTo(marker: string): Json {
  return JSON.parse(bodyText(upstream.received(marker).at(-1)!.request)) as Json
}

/** Names of the declared tools, the calls of the history by name, and all text, as the upstream reads them. */
function read(target: Dialect, body: Json): { tools: unknown[]; calls: unknown[]; results: number } {
  const tools = ((body["tools"] ?? []) as readonly Json[]).map((tool) => at(tool, "function", "name") ?? tool["name"])
  const messages = body["messages"] as readonly Json[]
  const blocks = messages.flatMap(({ content }) => (Array.isArray(content) ? (content as readonly Json[]) : []))
  if (target === "chat") {
    const calls = messages.flatMap((one) => (one["tool_calls"] ?? []) as readonly Json[])
    return {
      tools,
      calls: calls.map((call) => at(call, "function", "name")),
      results: messages.filter(({ role }) => role === "tool").length,
    }
  }
  return {
    tools,
    calls: blocks.filter(({ type }) => type === "tool_use").map(({ name }) => name),
    results: blocks.filter(({ type }) => type === "tool_result").length,
  }
}

for (const target of ["chat", "messages"] as const) {
  for (const streamed of [false, true]) {
    test(`a client searches for tools with a model behind ${target}, ${streamed ? "streamed" : "unary"}`, async () => {
      const marker = `search <${target} ${streamed}>`
      const calls = [{ id: "call_1", name: "tool_search", arguments: '{"query":"add"}' }]
      const told = { reasoning: "", text: "I look.", calls, stop: "tool-calls" as const }
      const pieces = cutEvery(streamedAnswer(target, told).join(""), 37)
      upstream.plan(marker, streamed ? stream(pieces) : reply(wholeAnswer(target, told)))
      const question = { role: "user", content: marker }
      const more = { stream: streamed, tools: [SEARCH] }
      const answer = await gateway.call("responses", ask(groupOf("upstream", target), [question], more))
      expect(answer.status).toBe(200)
      expect(answer.headers.get("x-router-losses")).toBeNull()
      expect(read(target, sentTo(marker)).tools).toEqual(["tool_search"])
      const body = streamed ? await accumulate("responses", answer.bytes) : parsed(answer)
      const search = (at(body, "output") as readonly Json[]).at(-1)
      expect(search).toMatchObject({
        type: "tool_search_call",
        execution: "client",
        call_id: "call_1",
        arguments: { query: "add" },
        status: "completed",
      })
      if (streamed) {
        const done = framesOf(answer.text)
          .map((frame) => jsonOf(frame) as Json)
          .filter((event) => event["type"] === "response.output_item.done")
        expect(at(done.at(-1), "item")).toEqual(search)
      }

      const output = { type: "tool_search_output", call_id: "call_1", execution: "client", status: "completed" }
      const input = [question, search, { ...output, tools: [FOUND] }]
      upstream.plan(marker, vendorAnswer())
      const next = await gateway.call("responses", ask(groupOf("upstream", target), input, { tools: [SEARCH] }))
      expect(next.status).toBe(200)
      expect(next.headers.get("x-router-losses")).toBe("tool-deferred")
      const sent = read(target, sentTo(marker))
      expect(sent).toMatchObject({ calls: ["tool_search"], results: 1 })
      expect(sent.tools).toEqual(["tool_search", "mcp__demo__add_two"])
      expect(JSON.stringify(sentTo(marker))).toContain("mcp__demo__add_two")
    })
  }

  test(`a search for tools that an item of the input declares is a tool behind ${target}`, async () => {
    const marker = `inline search <${target}>`
    const input = [
      { type: "additional_tools", role: "developer", tools: [SEARCH] },
      { role: "user", content: marker },
    ]
    expect((await gateway.call("responses", ask(groupOf("upstream", target), input))).status).toBe(200)
    expect(read(target, sentTo(marker)).tools).toEqual(["tool_search"])
  })

  test(`a message of another agent reaches a model behind ${target}, also where its sealed part is plain text`, async () => {
    const marker = `agents <${target}>`
    const input = [
      {
        type: "agent_message",
        author: "/root",
        recipient: "/root/one",
        content: [{ type: "encrypted_content", encrypted_content: `Please reply ${marker}` }],
      },
      {
        type: "agent_message",
        author: "/root/one",
        recipient: "/root",
        content: [{ type: "input_text", text: "FINAL_ANSWER" }],
      },
    ]
    const answer = await gateway.call("responses", ask(groupOf("upstream", target), input))
    expect(answer.status).toBe(200)
    expect(answer.headers.get("x-router-losses")).toBeNull()
    const said = JSON.stringify(sentTo(marker)["messages"])
    expect(said).toContain(`[message from /root to /root/one]\\nPlease reply ${marker}`)
    expect(said).toContain("[message from /root/one to /root]\\nFINAL_ANSWER")
  })

  const SEALED = "gAAAAABo".padEnd(200, "xYz0-_")
  const REFERENCE = { type: "item_reference", id: "msg_1" }
  const USER = { role: "user", content: "go on" }
  const RESULT = { type: "function_call_output", call_id: "c1", output: "done" }
  for (const [name, input] of Object.entries({
    "a sealed summary": [{ type: "compaction", encrypted_content: SEALED }, USER],
    "a sealed summary that shall be compacted": [
      { type: "compaction", encrypted_content: SEALED },
      { type: "compaction_trigger" },
    ],
    "a wish to compact that is not the last": [{ type: "compaction_trigger" }, USER],
    "a sealed message of an agent": [
      USER,
      { type: "agent_message", content: [{ type: "encrypted_content", encrypted_content: SEALED }] },
    ],
    "nothing but a reference": [REFERENCE],
    "a result whose call is a reference": [USER, REFERENCE, RESULT],
  })) {
    test(`${name} never reaches a model behind ${target}`, async () => {
      const marker = `bound <${target} ${name}>`
      const instructions = { instructions: marker }
      const answer = await gateway.call("responses", ask(groupOf("upstream", target), input, instructions))
      expect(answer.status).toBe(400)
      expect(at(parsed(answer), "error", "code")).toBe("stateful-unsupported")
      expect(String(at(parsed(answer), "error", "param"))).toMatch(/^input\[\d\]$/)
      expect(upstream.received(marker)).toHaveLength(0)
    })
  }
}

/** Tools of the vendor that the client runs: the call as Responses has it, the name of the function, what the model reads. */
const CLIENT_STEPS: Readonly<Record<string, readonly [call: Json, output: Json, name: string, words: string]>> = {
  "a local shell": [
    { type: "local_shell_call", call_id: "c1", action: { type: "exec", command: ["ls"] }, status: "completed" },
    { type: "local_shell_call_output", call_id: "c1", output: "first.txt" },
    "local_shell",
    "first.txt",
  ],
  "a shell": [
    { type: "shell_call", call_id: "c1", action: { commands: ["ls"] }, status: "completed" },
    {
      type: "shell_call_output",
      call_id: "c1",
      output: [{ stdout: "first.txt", stderr: "", outcome: { type: "exit" } }],
    },
    "shell",
    "first.txt",
  ],
  "a patch": [
    { type: "apply_patch_call", call_id: "c1", operation: { type: "update_file", path: "first.txt", diff: "@@" } },
    { type: "apply_patch_call_output", call_id: "c1", status: "completed" },
    "apply_patch",
    "completed",
  ],
  "a computer": [
    { type: "computer_call", call_id: "c1", id: "x", action: { type: "screenshot" }, pending_safety_checks: [] },
    {
      type: "computer_call_output",
      call_id: "c1",
      output: { type: "computer_screenshot", image_url: "data:image/png;base64,iVBORw0KGgo=" },
    },
    "computer",
    "iVBORw0KGgo=",
  ],
}

describe.each(["chat", "messages"] as const)("a model behind %s", (target) => {
  test.each(Object.entries(CLIENT_STEPS))("knows what became of %s", async (kind, [step, output, name, words]) => {
    const marker = `client step <${target} ${kind}>`
    const answer = await gateway.call("responses", ask(groupOf("upstream", target), [fromUser(marker), step, output]))
    expect(answer.status).toBe(200)
    const losses = answer.headers.get("x-router-losses")
    expect(losses).toBe(target === "chat" && name === "computer" ? "tool-result-media" : null)
    expect(read(target, sentTo(marker))).toMatchObject({ calls: [name], results: 1 })
    expect(JSON.stringify(sentTo(marker))).toContain(words)
  })

  const ENCRYPTED = { type: "encrypted_content", encrypted_content: "gAAAAABo".padEnd(200, "xYz0-_") }
  const CALL = { type: "function_call", call_id: "c1", name: "look", arguments: "{}" }
  for (const [name, input, tools, param] of [
    ["nothing but items of tomorrow", [{ type: "item_of_tomorrow", text: "important" }], [], "input[0]"],
    ["nothing but a step of the provider", [{ type: "mcp_list_tools", server_label: "s", tools: [] }], [], "input[0]"],
    [
      "an encrypted result",
      [fromUser("go"), CALL, { type: "function_call_output", call_id: "c1", output: [ENCRYPTED] }],
      [],
      "input[2]",
    ],
    ["tools of the vendor alone", [fromUser("go")], [{ type: "apply_patch" }, { type: "local_shell" }], "tools"],
    ["a shell beside a hosted search", [fromUser("go")], [{ type: "shell" }, { type: "web_search" }], "tools"],
  ] as const)
    test(`never gets a call of which nothing usable would be left: ${name}`, async () => {
      const marker = `nothing left <${target} ${name}>`
      const more = { instructions: marker, ...(tools.length === 0 ? {} : { tools }) }
      const answer = await gateway.call("responses", ask(groupOf("upstream", target), input, more))
      expect(answer.status).toBe(400)
      expect(at(parsed(answer), "error")).toMatchObject({ code: "translation-loss", param })
      expect(upstream.received(marker)).toHaveLength(0)
    })

  test("gets what is left where something is", async () => {
    const marker = `something left <${target}>`
    const tools = [{ type: "apply_patch" }, { type: "function", name: "look", parameters: SCHEMA, strict: false }]
    const input = [
      fromUser(marker),
      { type: "item_of_tomorrow" },
      { type: "message", role: "assistant", content: "Said." },
    ]
    const answer = await gateway.call("responses", ask(groupOf("upstream", target), input, { tools }))
    expect(answer.status).toBe(200)
    expect(answer.headers.get("x-router-losses")).toBe("content,tool-client")
    expect(read(target, sentTo(marker)).tools).toEqual(["look"])
  })
})

test.each(["chat", "responses"] as const)(
  "tools of Anthropic alone leave a model behind %s nothing to do",
  async (target) => {
    const marker = `bash alone <${target}>`
    const tools = [
      { type: "bash_20250124", name: "bash" },
      { type: "text_editor_20250728", name: "str_replace_based_edit_tool" },
    ]
    const body = { max_tokens: 100, messages: [fromUser(marker)] }
    const alone = await gateway.call("messages", JSON.stringify({ model: groupOf("upstream", target), ...body, tools }))
    expect([alone.status, at(parsed(alone), "error", "code")]).toEqual([400, "translation-loss"])
    expect(upstream.received(marker)).toHaveLength(0)
    const own = await gateway.call("messages", JSON.stringify({ model: "upstream-messages", ...body, tools }))
    expect(own.status).toBe(200)
  },
)

test("a call whose tools are its vendor's own goes to the target that knows them", async () => {
  const marker = "a shell for a target of its own"
  const answer = await gateway.call("responses", ask("both", [fromUser(marker)], { tools: [{ type: "shell" }] }))
  expect(answer.status).toBe(200)
  expect(sentTo(marker)["tools"]).toEqual([{ type: "shell" }])
})

test("what only its own dialect can go on with goes to the target that speaks it", async () => {
  const marker = "the second target"
  const input = [{ role: "user", content: marker }, { type: "compaction_trigger" }]
  const answer = await gateway.call("responses", ask("both", input))
  expect(answer.status).toBe(200)
  expect(upstream.received(marker)).toHaveLength(1)
  expect(sentTo(marker)["input"]).toEqual(input)
})

describe("a client that has its conversation compacted", () => {
  const compacted = {
    id: "resp_c",
    object: "response.compaction",
    created_at: 5,
    output: [{ type: "compaction", id: "cmp_1", encrypted_content: "gAAAA" }],
    usage: { input_tokens: 40, output_tokens: 9, total_tokens: 49 },
  }
  const compact = (model: string, marker: string, items: readonly unknown[] = []): Promise<Response> =>
    fetch(`${gateway.url}/v1/responses/compact`, {
      method: "POST",
      headers: { authorization: `Bearer ${gateway.token}`, "content-type": "application/json" },
      body: JSON.stringify({ model, input: [{ role: "user", content: marker }, ...items] }),
    })

  for (const group of ["upstream-responses", "both"]) {
    test(`gets what the vendor made, booked like a call (${group})`, async () => {
      const marker = `compact <${group}>`
      upstream.plan(marker, reply(JSON.stringify(compacted)))
      const answer = await compact(group, marker)
      expect(answer.status).toBe(200)
      expect(await answer.json()).toEqual(compacted)
      const [exchange] = upstream.received(marker)
      expect(exchange!.request.target).toEndWith("/responses/compact")
      expect(Object.keys(sentTo(marker)).toSorted()).toEqual(["input", "model"])
      const [row] = gateway.records.usage(answer.headers.get("x-request-id") ?? "")
      expect(row).toMatchObject({ status: 200, input_tokens: 40, output_tokens: 9 })
    })
  }

  test("has no seal of the router sent to the vendor", async () => {
    const marker = "compact with a seal"
    const told = { reasoning: "Thought.", text: "Said.", calls: [], stop: "end" as const }
    upstream.plan(marker, reply(wholeAnswer("chat", told)))
    const said = await gateway.call("responses", ask("upstream-chat", [{ role: "user", content: marker }]))
    const items = at(parsed(said), "output") as readonly Json[]
    expect(JSON.stringify(items)).toContain("rtr1.")
    upstream.plan(marker, reply(JSON.stringify(compacted)))
    const answer = await compact("upstream-responses", marker, items)
    expect(await answer.json()).toEqual(compacted)
    expect(JSON.stringify(sentTo(marker))).not.toContain("rtr1.")
    expect(sentTo(marker)).not.toHaveProperty("stream")
  })

  test("asks for it by POST", async () => {
    const got = await fetch(`${gateway.url}/v1/responses/compact`, {
      headers: { authorization: `Bearer ${gateway.token}` },
    })
    expect(got.status).toBe(405)
  })
})

test("a reference beside a conversation is left out, and said to be", async () => {
  const marker = "a reference beside it"
  const input = [
    { role: "user", content: marker },
    { type: "item_reference", id: "rs_1" },
    { role: "user", content: "go on" },
  ]
  const answer = await gateway.call("responses", ask(groupOf("upstream", "chat"), input))
  expect(answer.status).toBe(200)
  expect(answer.headers.get("x-router-losses")).toBe("stored-reference")
})

test("settings of a turn stay in a body that is written anew within Messages", async () => {
  const marker = "settings of a turn"
  upstream.plan(marker, reply(wholeAnswer("chat", { reasoning: "Thought.", text: "Said.", calls: [], stop: "end" })))
  const turn = { role: "user", content: marker }
  const asked = { max_tokens: 100, messages: [turn] }
  const said = await gateway.call("messages", JSON.stringify({ model: "upstream-chat", ...asked }))
  expect(said.text).toContain("rtr1.")
  const settings = { role: "system", content: [], output_config: { effort: "low" } }
  const messages = [turn, { role: "assistant", content: at(parsed(said), "content") }, turn, settings, turn]
  upstream.plan(marker, vendorAnswer())
  const answer = await gateway.call(
    "messages",
    JSON.stringify({ model: "upstream-messages", max_tokens: 100, messages }),
  )
  expect(answer.status).toBe(200)
  const sent = sentTo(marker)["messages"] as readonly Json[]
  expect(sent.map(({ role }) => role)).toEqual(["user", "assistant", "user", "system", "user"])
  expect(sent[3]).toEqual(settings)
  const abroad = await gateway.call(
    "messages",
    JSON.stringify({ model: "upstream-responses", max_tokens: 100, messages }),
  )
  expect(abroad.headers.get("x-router-losses")).toContain("message-field")
})

test("a summary of Messages that has lost its words never reaches a target of another dialect", async () => {
  const marker = "a summary without words"
  const summary = { type: "compaction", content: null, encrypted_content: "sealed" }
  const messages = [
    { role: "user", content: marker },
    { role: "assistant", content: [summary] },
    { role: "user", content: "go on" },
  ]
  const body = { model: groupOf("upstream", "chat"), max_tokens: 100, messages }
  const answer = await gateway.call("messages", JSON.stringify(body))
  expect(answer.status).toBe(400)
  expect(upstream.received(marker)).toHaveLength(0)
  const spoken = { ...summary, content: "We counted sheep." }
  const kept = { ...body, messages: [messages[0], { role: "assistant", content: [spoken] }, messages[2]] }
  expect((await gateway.call("messages", JSON.stringify(kept))).status).toBe(200)
  expect(JSON.stringify(sentTo(marker))).toContain("We counted sheep.")
})
