/** The official SDKs are the referees: what they accept is right on the wire. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import Anthropic from "@anthropic-ai/sdk"
import OpenAI from "openai"
import { type DemoProvider, startDemoProvider } from "./provider.ts"

interface VendorAnswer {
  readonly error: { readonly param?: string | null }
  readonly request_id?: string
}

const KEY = "demo-key"
const WEATHER = {
  type: "object",
  properties: {
    city: { type: "string" },
    days: { type: "integer", minimum: 1 },
    unit: { enum: ["celsius", "kelvin"] },
  },
  required: ["city", "days", "unit"],
  additionalProperties: false,
}
const QUESTION = "What is the weather in Paris for the next 3 days, in celsius?"

let provider: DemoProvider
let openai: OpenAI
let anthropic: Anthropic

beforeAll(() => {
  provider = startDemoProvider({ now: () => Date.UTC(2026, 10, 22), key: KEY, pauseMs: 0 })
  openai = new OpenAI({ apiKey: KEY, baseURL: `${provider.url}/v1`, maxRetries: 0 })
  anthropic = new Anthropic({ apiKey: KEY, baseURL: provider.url, maxRetries: 0 })
})
afterAll(() => provider.stop())

describe("a Chat answer of the demo", () => {
  const messages = [{ role: "user" as const, content: "Good morning" }]
  const tools = [{ type: "function" as const, function: { name: "get_weather", parameters: WEATHER } }]

  test("says the same as a stream, accumulated by the SDK", async () => {
    const request = { model: "demo-large", messages }
    const unary = await openai.chat.completions.create(request)
    const streamed = await openai.chat.completions
      .stream({ ...request, stream_options: { include_usage: true } })
      .finalChatCompletion()
    expect(unary.choices[0]!.message.content).toContain("This is the smart-router demo provider")
    expect(unary.choices[0]!.message.content).toContain("Good morning")
    expect(streamed.choices[0]!.message.content).toBe(unary.choices[0]!.message.content)
    expect(streamed.choices[0]!.finish_reason).toBe("stop")
    expect(streamed.usage).toEqual(unary.usage)
    expect(unary.usage!.total_tokens).toBe(unary.usage!.prompt_tokens + unary.usage!.completion_tokens)
  })

  test("has usage in the stream only when asked for, in a chunk without choices", async () => {
    const chunks = async (options: object): Promise<OpenAI.ChatCompletionChunk[]> =>
      Array.fromAsync(await openai.chat.completions.create({ model: "demo-large", messages, stream: true, ...options }))
    const without = await chunks({})
    const withUsage = await chunks({ stream_options: { include_usage: true } })
    expect(without.length).toBeGreaterThan(5)
    expect(without.some((chunk) => "usage" in chunk)).toBe(false)
    expect(withUsage.filter((chunk) => chunk.choices.length === 0)).toHaveLength(1)
    expect(withUsage.at(-1)!.usage!.completion_tokens).toBeGreaterThan(0)
  })

  test.each([false, true])(
    "calls a tool that the question names, then answers its result (streamed: %p)",
    async (stream) => {
      const request = { model: "demo-large", messages: [{ role: "user" as const, content: QUESTION }], tools }
      const completion = stream
        ? await openai.chat.completions.stream(request).finalChatCompletion()
        : await openai.chat.completions.create(request)
      const choice = completion.choices[0]!
      const call = choice.message.tool_calls![0]! as OpenAI.ChatCompletionMessageFunctionToolCall
      expect(choice.finish_reason).toBe("tool_calls")
      expect(call.function.name).toBe("get_weather")
      expect(JSON.parse(call.function.arguments)).toEqual({ city: "Paris", days: 3, unit: "celsius" })
      const next = await openai.chat.completions.create({
        ...request,
        messages: [
          ...request.messages,
          {
            role: "assistant",
            content: null,
            tool_calls: [{ id: call.id, type: "function", function: call.function }],
          },
          { role: "tool", tool_call_id: call.id, content: "21 degrees" },
        ],
      })
      expect(next.choices[0]!.finish_reason).toBe("stop")
      expect(next.choices[0]!.message.content).toContain("21 degrees")
    },
  )

  test("obeys tool_choice none, required and a name", async () => {
    const choose = async (tool_choice: OpenAI.ChatCompletionToolChoiceOption): Promise<string | undefined> => {
      const content = tool_choice === "none" ? QUESTION : "Good morning"
      const request = { model: "demo-large", messages: [{ role: "user" as const, content }], tools, tool_choice }
      return (await openai.chat.completions.create(request)).choices[0]!.finish_reason
    }
    expect(await choose("none")).toBe("stop")
    expect(await choose("required")).toBe("tool_calls")
    expect(await choose({ type: "function", function: { name: "get_weather" } })).toBe("tool_calls")
  })

  test("keeps to the output cap, stop sequences, n and structured output", async () => {
    const create = (extra: object): Promise<OpenAI.ChatCompletion> =>
      openai.chat.completions.create({ model: "demo-large", messages, ...extra })
    const cut = await create({ max_completion_tokens: 5 })
    expect(cut.choices[0]!.finish_reason).toBe("length")
    expect(cut.usage!.completion_tokens).toBe(5)
    const stopped = await create({ stop: " demo" })
    expect(stopped.choices[0]!.message.content).toBe("This is the smart-router")
    const two = await create({ n: 2 })
    expect(two.choices.map((choice) => choice.index)).toEqual([0, 1])
    const schema = { type: "object", properties: { name: { type: "string" } }, required: ["name"] }
    const json = await create({ response_format: { type: "json_schema", json_schema: { name: "x", schema } } })
    expect(Object.keys(JSON.parse(json.choices[0]!.message.content!))).toEqual(["name"])
  })

  test("shows reasoning and a repeated prefix in its usage", async () => {
    const system = { role: "system" as const, content: "You answer in one short sentence. ".repeat(10) }
    const ask = (text: string): Promise<OpenAI.ChatCompletion> =>
      openai.chat.completions.create({
        model: "demo-large",
        messages: [system, { role: "user", content: text }],
        reasoning_effort: "low",
      })
    const first = await ask("One")
    const second = await ask("Two")
    expect(first.usage!.completion_tokens_details!.reasoning_tokens).toBeGreaterThan(0)
    expect(first.usage!.prompt_tokens_details!.cached_tokens).toBe(0)
    expect(second.usage!.prompt_tokens_details!.cached_tokens).toBeGreaterThan(32)
    expect(second.usage!.prompt_tokens_details!.cached_tokens).toBeLessThan(second.usage!.prompt_tokens)
  })
})

describe("a Responses answer of the demo", () => {
  const tools = [{ type: "function" as const, name: "get_weather", parameters: WEATHER, strict: true }]

  test("says the same as a stream, accumulated by the SDK", async () => {
    const request = {
      model: "demo-small",
      input: "Good morning",
      instructions: "Be brief.",
      reasoning: { effort: "low", summary: "auto" } as const,
      include: ["reasoning.encrypted_content" as const],
    }
    const unary = await openai.responses.create(request)
    const streamed = await openai.responses.stream(request).finalResponse()
    expect(unary.output_text).toContain("This is the smart-router demo provider")
    expect(streamed.output_text).toBe(unary.output_text)
    expect(streamed.output.map((item) => item.type)).toEqual(["reasoning", "message"])
    expect(streamed.status).toBe("completed")
    expect(streamed.usage!.output_tokens_details.reasoning_tokens).toBeGreaterThan(0)
    expect(streamed.usage!.total_tokens).toBe(streamed.usage!.input_tokens + streamed.usage!.output_tokens)
  })

  test("has events that count from 0 and end with the whole response", async () => {
    const stream = await openai.responses.create({ model: "demo-small", input: QUESTION, tools, stream: true })
    const events = await Array.fromAsync(stream)
    expect(events.map((event) => event.sequence_number)).toEqual(events.map((_, index) => index))
    expect(events[0]!.type).toBe("response.created")
    const last = events.at(-1)!
    expect(last.type).toBe("response.completed")
    const done = events.flatMap((event) => (event.type === "response.output_item.done" ? [event.item] : []))
    expect(last.type === "response.completed" ? last.response.output : []).toEqual(done)
  })

  test.each([false, true])(
    "calls a tool that the question names, then answers its result (streamed: %p)",
    async (stream) => {
      const request = { model: "demo-small", input: QUESTION, tools }
      const response = stream
        ? await openai.responses.stream(request).finalResponse()
        : await openai.responses.create(request)
      const output: readonly OpenAI.Responses.ResponseOutputItem[] = response.output
      const call = output.find((item) => item.type === "function_call")!
      expect(JSON.parse(call.arguments)).toEqual({ city: "Paris", days: 3, unit: "celsius" })
      const { call_id, name } = call
      const next = await openai.responses.create({
        ...request,
        input: [
          { role: "user", content: QUESTION },
          { type: "function_call", call_id, name, arguments: call.arguments },
          { type: "function_call_output", call_id, output: "21 degrees" },
        ],
      })
      expect(next.output_text).toContain("21 degrees")
    },
  )

  test("gives a custom tool free text", async () => {
    const request = {
      model: "demo-small",
      input: "Please apply_patch",
      tools: [{ type: "custom" as const, name: "apply_patch" }],
    }
    const response = await openai.responses.stream(request).finalResponse()
    expect(response.output[0]).toMatchObject({
      type: "custom_tool_call",
      name: "apply_patch",
      input: "smart-router demo",
    })
  })

  test.each([false, true])("ends as incomplete at the output cap (streamed: %p)", async (stream) => {
    const request = { model: "demo-small", input: "Good morning", max_output_tokens: 16 }
    const response = stream
      ? await openai.responses.stream(request).finalResponse()
      : await openai.responses.create(request)
    expect(response.status).toBe("incomplete")
    expect(response.incomplete_details).toEqual({ reason: "max_output_tokens" })
    expect(response.usage!.output_tokens).toBe(16)
  })
})

describe("a Messages answer of the demo", () => {
  const messages = [{ role: "user" as const, content: "Good morning" }]
  const tools = [{ name: "get_weather", input_schema: WEATHER as Anthropic.Tool.InputSchema }]

  test("says the same as a stream, accumulated by the SDK", async () => {
    const request = {
      model: "demo-large",
      max_tokens: 4096,
      messages,
      thinking: { type: "enabled", budget_tokens: 1024 } as const,
    }
    const unary = await anthropic.messages.create(request)
    const streamed = await anthropic.messages.stream(request).finalMessage()
    expect<readonly object[]>(streamed.content).toEqual(unary.content)
    expect(streamed.content.map((block) => block.type)).toEqual(["thinking", "text"])
    expect(streamed.content[1]).toMatchObject({
      text: expect.stringContaining("This is the smart-router demo provider"),
    })
    expect(streamed.stop_reason).toBe("end_turn")
    expect(streamed.usage.output_tokens).toBe(unary.usage.output_tokens)
  })

  test.each([false, true])(
    "calls a tool that the question names, then answers its result (streamed: %p)",
    async (stream) => {
      const question = { role: "user" as const, content: QUESTION }
      const request = { model: "demo-large", max_tokens: 500, messages: [question], tools }
      const message = stream
        ? await anthropic.messages.stream(request).finalMessage()
        : await anthropic.messages.create(request)
      expect(message.stop_reason).toBe("tool_use")
      const call = message.content.find((block) => block.type === "tool_use")!
      expect(call.input).toEqual({ city: "Paris", days: 3, unit: "celsius" })
      const next = await anthropic.messages.create({
        ...request,
        messages: [
          question,
          { role: "assistant", content: message.content },
          { role: "user", content: [{ type: "tool_result", tool_use_id: call.id, content: "21 degrees" }] },
        ],
      })
      expect(next.stop_reason).toBe("end_turn")
      expect(next.content[0]).toMatchObject({ text: expect.stringContaining("21 degrees") })
    },
  )

  test("keeps to the output cap and stop sequences", async () => {
    const cut = await anthropic.messages.create({ model: "demo-large", max_tokens: 5, messages })
    expect(cut.stop_reason).toBe("max_tokens")
    expect(cut.usage.output_tokens).toBe(5)
    const stopped = await anthropic.messages
      .stream({ model: "demo-large", max_tokens: 100, messages, stop_sequences: [" demo"] })
      .finalMessage()
    expect(stopped.stop_reason).toBe("stop_sequence")
    expect(stopped.stop_sequence).toBe(" demo")
  })

  test("writes a marked prefix to the cache once and reads it from then on", async () => {
    const system = [
      {
        type: "text" as const,
        text: "You know everything. ".repeat(20),
        cache_control: { type: "ephemeral" as const },
      },
    ]
    const ask = (content: string): Promise<Anthropic.Message> =>
      anthropic.messages.create({ model: "demo-large", max_tokens: 100, system, messages: [{ role: "user", content }] })
    const first = (await ask("One")).usage
    const second = (await ask("Two")).usage
    expect(first.cache_creation_input_tokens).toBeGreaterThan(32)
    expect(first.cache_read_input_tokens).toBe(0)
    expect(second.cache_read_input_tokens).toBeGreaterThan(32)
    expect(second.input_tokens).toBeLessThan(20)
  })

  test("does not quote what an agent puts around a person's words", async () => {
    const content = [
      { type: "text" as const, text: "<system-reminder>Use get_weather.</system-reminder>" },
      { type: "text" as const, text: "Good evening" },
    ]
    const request = { model: "demo-large", max_tokens: 100, messages: [{ role: "user" as const, content }], tools }
    const message = await anthropic.messages.create(request)
    expect(message.content[0]).toMatchObject({ text: expect.stringContaining('You wrote: "Good evening".') })
  })

  test("comes with a count of tokens", async () => {
    const counted = await anthropic.messages.countTokens({ model: "demo-large", messages })
    const used = await anthropic.messages.create({ model: "demo-large", max_tokens: 100, messages })
    expect(counted.input_tokens).toBe(used.usage.input_tokens)
  })
})

describe("the demo refuses", () => {
  const post = async (
    path: string,
    body: unknown,
    headers: Record<string, string> = {},
  ): Promise<readonly [number, VendorAnswer]> => {
    const text = typeof body === "string" ? body : JSON.stringify(body)
    const all = { authorization: `Bearer ${KEY}`, "anthropic-version": "2023-06-01", ...headers }
    const response = await fetch(`${provider.url}${path}`, { method: "POST", headers: all, body: text })
    return [response.status, (await response.json()) as VendorAnswer]
  }
  const user = [{ role: "user", content: "Hi" }]

  test.each([
    ["/v1/chat/completions", "{", 400, undefined],
    ["/v1/chat/completions", "[]", 400, undefined],
    ["/v1/chat/completions", { messages: user }, 400, undefined],
    ["/v1/chat/completions", { model: "gpt-9", messages: user }, 404, "model"],
    ["/v1/chat/completions", { model: "constructor", messages: user }, 404, "model"],
    ["/v1/chat/completions", { model: "demo-large" }, 400, "messages"],
    ["/v1/chat/completions", { model: "demo-large", messages: [] }, 400, "messages"],
    [
      "/v1/chat/completions",
      { model: "demo-large", messages: [{ role: "constructor", content: "" }] },
      400,
      "messages[0].role",
    ],
    ["/v1/chat/completions", { model: "demo-large", messages: user, temperature: 3 }, 400, "temperature"],
    ["/v1/chat/completions", { model: "demo-large", messages: user, max_tokens: 0 }, 400, "max_tokens"],
    ["/v1/chat/completions", { model: "demo-large", messages: user, stream_options: {} }, 400, "stream_options"],
    ["/v1/chat/completions", { model: "demo-large", messages: user, tool_choice: "required" }, 400, "tool_choice"],
    [
      "/v1/chat/completions",
      { model: "demo-large", messages: [{ role: "tool", content: "", tool_call_id: "x" }] },
      400,
      "messages.[0].role",
    ],
    ["/v1/chat/completions", { model: "demo-broken", messages: user }, 503, null],
    ["/v1/responses", { model: "demo-large" }, 400, "input"],
    ["/v1/responses", { model: "demo-large", input: "Hi", max_output_tokens: 5 }, 400, "max_output_tokens"],
    [
      "/v1/responses",
      { model: "demo-large", input: "Hi", previous_response_id: "resp_1" },
      400,
      "previous_response_id",
    ],
    ["/v1/embeddings", {}, 404, null],
  ] as const)("at %s the body %j with %d", async (path, body, status, param) => {
    const [got, answer] = await post(path, body)
    expect(got).toBe(status)
    expect(answer.error).toMatchObject({ message: expect.any(String), type: expect.any(String) })
    if (param !== undefined) expect(answer.error.param).toBe(param as string | null)
  })

  test.each([
    [{ messages: user, max_tokens: 5 }, 400, "model: Field required"],
    [{ model: "claude", messages: user, max_tokens: 5 }, 404, "model: claude"],
    [{ model: "demo-large", messages: user }, 400, "max_tokens: Field required"],
    [{ model: "demo-large", max_tokens: 5 }, 400, "messages: Field required"],
    [{ model: "demo-large", max_tokens: 5, messages: [] }, 400, "messages: at least one message is required"],
    [
      { model: "demo-large", max_tokens: 5, messages: user, thinking: { type: "enabled", budget_tokens: 2000 } },
      400,
      "max_tokens",
    ],
    [
      {
        model: "demo-large",
        max_tokens: 5,
        messages: [{ role: "user", content: [{ type: "tool_result", tool_use_id: "x" }] }],
      },
      400,
      "unexpected `tool_use_id`",
    ],
    [
      {
        model: "demo-large",
        max_tokens: 5,
        messages: [{ role: "assistant", content: [{ type: "tool_use", id: "x", name: "y", input: {} }] }, ...user],
      },
      400,
      "`tool_use` ids were found without",
    ],
  ] as const)("at /v1/messages the body %j with %d", async (body, status, words) => {
    const [got, answer] = await post("/v1/messages", body)
    expect(got).toBe(status)
    expect(answer).toMatchObject({ type: "error", error: { message: expect.stringContaining(words) } })
    expect(answer.request_id).toStartWith("req_")
  })

  test("a wrong key with 401 and a missing version header with 400", async () => {
    expect((await post("/v1/responses", {}, { authorization: "Bearer wrong" }))[0]).toBe(401)
    const bare = await fetch(`${provider.url}/v1/messages`, {
      method: "POST",
      headers: { "x-api-key": KEY },
      body: "{}",
    })
    expect(bare.status).toBe(400)
    expect(await bare.text()).toContain("anthropic-version: header is required")
  })
})
