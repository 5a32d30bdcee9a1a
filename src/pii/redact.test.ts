import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { expectProperty } from "../../test/helpers/property.ts"
import { originSeal, wrapReasoning, wrapSummary } from "../canonical/seal.ts"
import type { DialectName } from "../dialects/name.ts"
import { scanObject } from "../json/scan.ts"
import { DETECTOR_NAMES, type PiiFilter, type PiiPart } from "./filter.ts"
import { HeavyWork, redactRequest, type Redaction } from "./redact.ts"
import { restoreText } from "./restore.ts"

const ALL: Readonly<Record<PiiPart, boolean>> = {
  system: true,
  messages: true,
  responses_input: true,
  tool_results: true,
  image_urls: false,
}

function filterOf(changes: Partial<PiiFilter> = {}): PiiFilter {
  const rules = DETECTOR_NAMES.map((name) => ({ name, expression: null }))
  return { rules, parts: ALL, blocks: false, restores: false, maxReplacements: 200, mode: "redact_only", ...changes }
}

function run<Result>(work: Generator<number, Result>): Result {
  for (let step = work.next(); ; step = work.next()) if (step.done === true) return step.value
}

function redacted(
  body: string | object,
  dialect: DialectName,
  changes: Partial<PiiFilter> = {},
  key = "key",
): Redaction {
  const bytes = Buffer.from(typeof body === "string" ? body : JSON.stringify(body))
  return run(redactRequest(scanObject(bytes, Infinity), dialect, filterOf(changes), { key, longestText: Infinity }))
}

const textOf = ({ bytes }: Redaction): string => (bytes === null ? "" : Buffer.from(bytes).toString())
const MAIL = "jane@example.com"

/** Bodies with a mark at each place that a model reads, and `KEPT` at each that stays. */
const BODIES: Readonly<Record<DialectName, object>> = {
  "openai-chat": {
    model: "KEPT",
    user: "KEPT",
    metadata: { a: "KEPT" },
    prediction: { type: "content", content: "MARK" },
    documents: [{ title: "MARK", text: "MARK" }],
    web_search_options: { user_location: { city: "MARK" } },
    response_format: { type: "json_schema", json_schema: { name: "x", schema: { description: "KEPT" } } },
    tools: [
      {
        type: "function",
        function: { name: "f", description: "MARK", parameters: { properties: { a: { enum: ["KEPT"] } } } },
      },
    ],
    messages: [
      { role: "system", content: "MARK" },
      { role: "developer", content: [{ type: "text", text: "MARK" }] },
      { role: "user", name: "KEPT", content: "MARK" },
      {
        role: "user",
        content: [
          { type: "text", text: "MARK" },
          { type: "image_url", image_url: { url: "https://KEPT/x.png" }, caption: "MARK" },
          { type: "input_audio", input_audio: { data: "KEPT", format: "wav" } },
          { type: "file", file: { filename: "MARK", file_id: "KEPT" } },
          { type: "novelty", novel: { inner: ["MARK"] } },
        ],
      },
      {
        role: "assistant",
        content: "MARK",
        refusal: "MARK",
        reasoning_content: "MARK",
        tool_calls: [
          {
            id: "KEPT",
            type: "function",
            function: { name: "f", arguments: String.raw`{"MARK":["MARK",{"id":"MARK"}],"n":"a\nMARK"}` },
          },
          { id: "KEPT", type: "custom", custom: { name: "c", input: "MARK" } },
        ],
        function_call: { name: "f", arguments: "broken MARK" },
      },
      { role: "tool", tool_call_id: "KEPT", content: String.raw`{"rows":[{"mail":"x\nMARK"}]}` },
      { role: "tool", tool_call_id: "KEPT", content: [{ type: "text", text: "MARK" }] },
      { role: "function", name: "f", content: "MARK" },
    ],
  },
  "openai-responses": {
    model: "KEPT",
    previous_response_id: "KEPT",
    safety_identifier: "KEPT",
    instructions: "MARK",
    prompt: { id: "KEPT", variables: { who: "MARK", file: { type: "input_text", text: "MARK" } } },
    text: { format: { type: "json_schema", name: "x", schema: { title: "KEPT" } } },
    tools: [
      { type: "function", name: "f", description: "MARK", parameters: { description: "KEPT" } },
      {
        type: "namespace",
        name: "n",
        description: "MARK",
        tools: [{ type: "custom", name: "c", description: "MARK" }],
      },
      {
        type: "mcp",
        server_label: "KEPT",
        server_url: "https://KEPT",
        authorization: "KEPT",
        server_description: "MARK",
      },
      {
        type: "shell",
        environment: { type: "local", skills: [{ name: "KEPT", description: "MARK", path: "KEPT" }] },
      },
    ],
    context_management: [{ type: "compaction", instructions: "MARK" }],
    input: [
      { role: "user", content: "MARK" },
      {
        type: "message",
        id: "KEPT",
        role: "assistant",
        status: "completed",
        content: [
          {
            type: "output_text",
            text: "MARK",
            annotations: [{ type: "url_citation", title: "MARK", url: "https://x/?q=MARK" }],
          },
          { type: "refusal", refusal: "MARK" },
        ],
      },
      {
        type: "message",
        role: "developer",
        content: [
          { type: "input_text", text: "MARK" },
          { type: "input_image", image_url: "https://KEPT/x.png" },
          { type: "input_file", filename: "MARK", file_url: "https://KEPT/x.pdf" },
        ],
      },
      { type: "reasoning", id: "KEPT", summary: [{ type: "summary_text", text: "MARK" }] },
      { type: "function_call", id: "KEPT", call_id: "KEPT", name: "f", arguments: '{"a":"MARK"}' },
      { type: "function_call_output", call_id: "KEPT", output: "MARK" },
      { type: "function_call_output", call_id: "KEPT", output: [{ type: "input_text", text: "MARK" }] },
      { type: "custom_tool_call", call_id: "KEPT", name: "c", input: "MARK" },
      { type: "custom_tool_call_output", call_id: "KEPT", output: "MARK" },
      {
        type: "local_shell_call",
        call_id: "KEPT",
        action: { type: "exec", command: ["echo", "MARK"], env: { A: "MARK" } },
      },
      {
        type: "file_search_call",
        id: "KEPT",
        queries: ["MARK"],
        results: [{ file_id: "KEPT", filename: "MARK", text: "MARK", attributes: { name: "MARK", id: "MARK" } }],
      },
      {
        type: "computer_call_output",
        call_id: "KEPT",
        output: { type: "computer_screenshot", image_url: "https://KEPT" },
      },
      { type: "image_generation_call", id: "KEPT", result: "KEPT" },
      { type: "mcp_call", id: "KEPT", name: "f", arguments: '{"a":"MARK"}', output: "MARK", error: "MARK" },
      {
        type: "tool_search_output",
        call_id: "KEPT",
        tools: [{ type: "function", name: "f", description: "MARK", parameters: { description: "KEPT" } }],
      },
      { type: "item_reference", id: "KEPT" },
      { type: "something_new", what: { it: "MARK" } },
    ],
  },
  anthropic: {
    model: "KEPT",
    metadata: { user_id: "KEPT" },
    mcp_servers: [{ url: "https://KEPT", authorization_token: "KEPT" }],
    stop_sequences: ["KEPT"],
    context_management: { edits: [{ type: "compact_20260112", instructions: "MARK" }] },
    output_config: { format: { type: "json_schema", schema: { description: "KEPT" } } },
    system: [{ type: "text", text: "MARK", cache_control: { type: "ephemeral" } }],
    tools: [{ name: "f", description: "MARK", input_schema: { description: "KEPT" }, input_examples: [{ a: "MARK" }] }],
    messages: [
      { role: "user", content: "MARK" },
      {
        role: "user",
        content: [
          {
            type: "text",
            text: "MARK",
            citations: [{ type: "char_location", cited_text: "MARK", document_title: "MARK" }],
          },
          { type: "image", source: { type: "base64", media_type: "image/png", data: "KEPT" } },
          { type: "image", source: { type: "url", url: "https://KEPT/x.png" }, title: "MARK" },
          {
            type: "document",
            title: "MARK",
            context: "MARK",
            source: { type: "text", media_type: "text/plain", data: "MARK" },
          },
          { type: "document", source: { type: "content", content: [{ type: "text", text: "MARK" }] } },
          { type: "document", source: { type: "url", url: "https://KEPT/x.pdf" } },
          { type: "document", source: { type: "file", file_id: "KEPT" } },
          { type: "search_result", source: "https://x/MARK", title: "MARK", content: [{ type: "text", text: "MARK" }] },
          { type: "tool_result", tool_use_id: "KEPT", content: "MARK" },
          {
            type: "tool_result",
            tool_use_id: "KEPT",
            content: [
              { type: "text", text: "MARK" },
              { type: "document", source: { type: "text", media_type: "text/plain", data: "MARK" } },
            ],
          },
          { type: "container_upload", file_id: "KEPT" },
        ],
      },
      {
        role: "assistant",
        content: [
          {
            type: "tool_use",
            id: "KEPT",
            name: "f",
            input: { MARK: "MARK", id: "MARK", name: "MARK", type: "MARK", deep: [[{ url: "MARK" }]] },
          },
          { type: "server_tool_use", id: "KEPT", name: "web_search", input: { query: "MARK" } },
          {
            type: "web_search_tool_result",
            tool_use_id: "KEPT",
            content: [{ type: "web_search_result", title: "MARK", url: "https://x/MARK", encrypted_content: "KEPT" }],
          },
          { type: "redacted_thinking", data: "KEPT" },
        ],
      },
    ],
  },
}

const NAMES = Object.keys(BODIES) as DialectName[]

describe.each(NAMES)("%s", (dialect) => {
  const template = JSON.stringify(BODIES[dialect])
  const filled = template.replaceAll("KEPT", MAIL).replaceAll("MARK", MAIL)

  test("every text that a model reads is filtered, and nothing else is touched", () => {
    const { values, replacements, refusal, ...rest } = redacted(filled, dialect)
    expect(refusal).toBeNull()
    const [placeholder = "", ...others] = values.keys()
    expect(others).toEqual([])
    const bytes = Buffer.from(rest.bytes ?? []).toString()
    expect(bytes).toBe(template.replaceAll("KEPT", MAIL).replaceAll("MARK", placeholder))
    expect(replacements).toBe(template.split("MARK").length - 1)
  })

  test("a body in which nothing is found is not written anew", () => {
    expect(redacted(template, dialect)).toEqual({
      bytes: null,
      values: new Map(),
      counts: DETECTOR_NAMES.map(() => 0),
      replacements: 0,
      refusal: null,
    })
  })

  test("what was filtered once stays as it is", () => {
    expect(
      redacted(textOf(redacted(filled.replaceAll("https://jane@", "https://"), dialect)), dialect).bytes,
    ).toBeNull()
  })

  test("every byte that belongs to no match stays", () => {
    const body = `{ "model" : "m",\n"seed": 12345678901234567890, "temperature": 1.0,
      ${dialect === "openai-responses" ? '"input"' : '"messages"'}: [ {"role":"user","content":"caf\\u00e9 ${MAIL} \\ud83d\\ude00"} , {"role" : "user", "content": "\\u0041 b"}]\t}`
    const { bytes, values } = redacted(body, dialect)
    const [placeholder = ""] = values.keys()
    expect(Buffer.from(bytes ?? []).toString()).toBe(
      body.replace(`"caf\\u00e9 ${MAIL} \\ud83d\\ude00"`, `"café ${placeholder} 😀"`),
    )
  })
})

const chat = (content: unknown): object => ({ model: "m", messages: [{ role: "user", content }] })

test("equal values have equal placeholders, in every request under one key, and under no other", () => {
  const one = redacted(chat(`${MAIL} and bob@example.com and ${MAIL}`), "openai-chat")
  const longer = redacted(chat(`again bob@example.com, ${MAIL}`), "openai-chat")
  const [jane = "", bob = ""] = one.values.keys()
  expect(textOf(one)).toContain(`${jane} and ${bob} and ${jane}`)
  expect(textOf(longer)).toContain(`again ${bob}, ${jane}`)
  expect(jane).toMatch(/^\[EMAIL_[B-Z]{10}\]$/)
  const other = redacted(chat(MAIL), "openai-chat", {}, "another key")
  expect([...other.values.keys()]).not.toContain(jane)
})

test("keys that a body says twice, or hides behind escapes, are all looked at", () => {
  const twice = `{"model":"m","messages":[{"role":"user","content":"${MAIL}","content":"x","c\\u006fntent":"${MAIL}"}],"mess\\u0061ges":[{"content":"${MAIL}"}]}`
  expect(redacted(twice, "openai-chat").replacements).toBe(3)
  const disguised = `{"model":"m","messages":[{"role":"user","content":[{"type":"image_url","type":"text","text":"${MAIL}"}]}]}`
  expect(redacted(disguised, "openai-chat").replacements).toBe(1)
})

test("numbers in a tool's arguments and results are filtered, and become texts", () => {
  const input = { card: 4111111111111111, n: 7 }
  const body = { messages: [{ role: "assistant", content: [{ type: "tool_use", id: "t", name: "f", input }] }] }
  const { bytes, values } = redacted(body, "anthropic")
  const [card = ""] = values.keys()
  expect(JSON.parse(Buffer.from(bytes ?? []).toString())).toMatchObject({
    messages: [{ content: [{ input: { card, n: 7 } }] }],
  })
  const { values: inText } = redacted(
    { messages: [{ role: "tool", content: '{"card":4111111111111111}' }] },
    "openai-chat",
  )
  expect([...inText]).toEqual([[card, "4111111111111111"]])
})

test("what only looks like JSON is read as the text that it is", () => {
  for (const text of [
    `[],"x":["${MAIL}"]`,
    `{"a":${MAIL}}`,
    `${"[".repeat(2000)}${MAIL}${"]".repeat(2000)}`,
    `{"a":"${MAIL}"`,
  ])
    expect(redacted(chat(text), "openai-chat").replacements).toBe(1)
})

test("files that are texts are filtered; others stay", () => {
  const file = (bytes: string | Buffer, head = "data:text/csv;base64,"): object =>
    chat([{ type: "file", file: { filename: "x", file_data: head + Buffer.from(bytes).toString("base64") } }])
  const csv = redacted(file(`name,mail\nJane,${MAIL}\n`), "openai-chat")
  const [placeholder = ""] = csv.values.keys()
  expect(JSON.parse(textOf(csv))).toEqual(file(`name,mail\nJane,${placeholder}\n`))
  expect(redacted(file(MAIL, ""), "openai-chat").replacements).toBe(1)
  for (const head of ["", "data:application/octet-stream;base64,"])
    for (const other of [Buffer.from([0xff, 0xd8, 0, ...Buffer.from(MAIL)]), `%PDF-1.7 ${MAIL}`, `${MAIL}\0`])
      expect(redacted(file(other, head), "openai-chat").bytes).toBeNull()
})

test("a file that says that it is a text is one, whatever its coding and its first bytes", () => {
  const placeholder = [...redacted(chat(MAIL), "openai-chat").values.keys()].join("")
  const said = "data:text/plain;charset=unknown;base64,"
  const inUtf16 = (text: string): Buffer => Buffer.from(`\ufeff${text}`, "utf16le")
  const codings: readonly (readonly [string, (text: string) => Buffer])[] = [
    [said, (text) => Buffer.from(`Zoë ${text}`, "latin1")],
    ["", (text) => Buffer.from(`Zoë ${text}`, "latin1")],
    [said, (text) => Buffer.from(`%PDF-1.7 ${text}\0`)],
    ["", inUtf16],
    [said, (text) => inUtf16(text).swap16()],
  ]
  for (const [head, coded] of codings) {
    const file = (text: string): object =>
      chat([{ type: "file", file: { file_data: head + coded(text).toString("base64") } }])
    expect(JSON.parse(textOf(redacted(file(MAIL), "openai-chat")))).toEqual(file(placeholder))
  }
})

test("an address that holds a text is a file", () => {
  const encoded = Buffer.from(MAIL).toString("base64")
  const texts = [`data:text/plain;base64,${encoded}`, `DATA:,${MAIL}`, `data:text/plain,${encodeURIComponent(MAIL)}`]
  for (const text of texts)
    for (const part of [
      { type: "input_file", file_data: text },
      { type: "input_file", file_url: text },
      { type: "input_image", image_url: text },
    ])
      expect(redacted({ input: [{ role: "user", content: [part] }] }, "openai-responses").replacements).toBe(1)
  const escaped = `{"input":[{"content":[{"type":"input_file","file_url":"\\u0064ata:,${MAIL}"}]}]}`
  expect(redacted(escaped, "openai-responses").replacements).toBe(1)
  const image = { type: "input_image", image_url: `data:image/png;base64,${encoded}` }
  expect(redacted({ input: [{ role: "user", content: [image] }] }, "openai-responses").bytes).toBeNull()
})

test("what typesetting and other alphabets write for ASCII is read as that", () => {
  for (const text of [
    "4111\u00a01111\u202f1111\u20071111",
    "４１１１-1111-1111-1111",
    "jane＠example．com",
    "+٤٩ ١٧٠ ١٢٣٤٥٦٧",
    "078\u201105\u20111120",
    "DE89\u00a03704\u00a00044\u00a00532\u00a00130\u00a000",
  ]) {
    const { values } = redacted(chat(`— ${text} —`), "openai-chat")
    expect([...values.values()]).toEqual([text])
  }
})

test("a part that is switched off stays", () => {
  const parts = (changes: Partial<typeof ALL>): Partial<PiiFilter> => ({ parts: { ...ALL, ...changes } })
  const body = {
    messages: [
      { role: "system", content: MAIL },
      {
        role: "user",
        content: [
          { type: "text", text: MAIL },
          { type: "image_url", image_url: { url: `https://x/${MAIL}` } },
        ],
      },
      { role: "tool", tool_call_id: "1", content: `{"a":"${MAIL}"}` },
    ],
  }
  const count = (changes: Partial<typeof ALL>): number => redacted(body, "openai-chat", parts(changes)).replacements
  expect([count({}), count({ system: false }), count({ messages: false }), count({ tool_results: false })]).toEqual([
    3, 2, 2, 2,
  ])
  expect([count({ image_urls: true }), count({ messages: false, system: false })]).toEqual([4, 1])
  const data = chat([{ type: "image_url", image_url: { url: `data:image/png;base64,${MAIL}` } }])
  expect(redacted(data, "openai-chat", parts({ image_urls: true })).bytes).toBeNull()
})

describe("what would break a signature is refused", () => {
  const issuer = { dialect: "messages" as const, label: "x" }
  const envelope = wrapReasoning({ parts: [{ kind: "raw", text: `think of ${MAIL}` }], seal: originSeal(issuer) })
  const quiet = wrapReasoning({ parts: [{ kind: "raw", text: "think" }], seal: originSeal(issuer) })
  const thinking = (block: object): object => ({ messages: [{ role: "assistant", content: [block] }] })
  const item = (block: object): object => ({ input: [block] })
  test.each<[string, DialectName, object, string | null]>([
    ["signed thinking", "anthropic", thinking({ type: "thinking", thinking: MAIL, signature: "abc" }), "sealed"],
    ["its signature alone", "anthropic", thinking({ type: "thinking", thinking: "x", signature: MAIL }), null],
    ["an envelope", "anthropic", thinking({ type: "thinking", thinking: "x", signature: envelope }), "sealed"],
    [
      "an envelope with nothing in it",
      "anthropic",
      thinking({ type: "thinking", thinking: "x", signature: quiet }),
      null,
    ],
    ["an envelope as data", "anthropic", thinking({ type: "redacted_thinking", data: envelope }), "sealed"],
    [
      "encrypted reasoning",
      "openai-responses",
      item({ type: "reasoning", id: "r", summary: [{ type: "summary_text", text: MAIL }], encrypted_content: "abc" }),
      "sealed",
    ],
    [
      "a summary of the router",
      "openai-responses",
      item({ type: "compaction", encrypted_content: wrapSummary(`mail ${MAIL}`) }),
      "sealed",
    ],
    [
      "reasoning beside encrypted details",
      "openai-chat",
      {
        messages: [
          {
            role: "assistant",
            content: "x",
            reasoning_content: MAIL,
            reasoning_details: [{ type: "reasoning.encrypted", data: "abc" }],
          },
        ],
      },
      "sealed",
    ],
  ])("%s", (_name, dialect, body, refusal) => {
    const { bytes, refusal: reason } = redacted(body, dialect)
    expect([bytes, reason]).toEqual([null, refusal as never])
  })

  test("reasoning that nothing signs is filtered", () => {
    const open = redacted(
      item({ type: "reasoning", id: "r", summary: [{ type: "summary_text", text: MAIL }] }),
      "openai-responses",
    )
    expect([open.refusal, open.replacements]).toEqual([null, 1])
    expect(redacted(thinking({ type: "thinking", thinking: MAIL, signature: "" }), "anthropic").replacements).toBe(1)
  })
})

test("a filter that blocks, and more matches than may be replaced, refuse the request with nothing of it", () => {
  const body = chat(`${MAIL}, bob@example.com, 415-555-0132`)
  expect(redacted(body, "openai-chat", { blocks: true })).toMatchObject({
    bytes: null,
    refusal: "matched",
    replacements: 3,
  })
  expect(redacted(body, "openai-chat", { maxReplacements: 2 })).toMatchObject({ bytes: null, refusal: "too-many" })
  expect(redacted(body, "openai-chat", { maxReplacements: 3 }).refusal).toBeNull()
  expect(redacted(chat("x"), "openai-chat", { blocks: true }).refusal).toBeNull()
})

describe("the operator's expressions", () => {
  const staff = { name: "staff", expression: String.raw`(?i)\bemp-(?P<number>[[:digit:]]{6})\b`, prefix: "STAFF" }

  test("find what RE2 finds", () => {
    const { bytes, values } = redacted(chat("EMP-123456, emp-000001 xemp-123456"), "openai-chat", { rules: [staff] })
    const [one = "", other = ""] = values.keys()
    expect([...values.values()]).toEqual(["EMP-123456", "emp-000001"])
    expect(Buffer.from(bytes ?? []).toString()).toContain(`"${one}, ${other} xemp-123456"`)
    expect(one).toStartWith("[STAFF_")
  })

  test("find every match, wherever it stands in a long text", () => {
    expectProperty(
      fc.property(fc.array(fc.nat(20_000), { minLength: 1, maxLength: 6 }), (gaps) => {
        const text = gaps
          .map((gap) => `${"lorem ipsum\n".repeat(gap / 12)}${"x".repeat(gap % 12)} emp-123456 `)
          .join("")
        const { replacements } = redacted(chat(text), "openai-chat", { rules: [staff], maxReplacements: Infinity })
        expect(replacements).toBe(gaps.length)
      }),
      40,
    )
  })

  test("that match a long stretch match all of it", () => {
    const rules = [{ name: "long", expression: "a+b", prefix: "LONG" }]
    const { replacements, values } = redacted(chat(`x${"a".repeat(30_000)}b`), "openai-chat", { rules })
    expect([replacements, [...values.values()][0]?.endsWith("ab")]).toEqual([1, true])
  })

  test("that would take others hours take this engine no longer than any", () => {
    const rules = [
      { name: "evil", expression: "(a+)+$", prefix: "EVIL" },
      { name: "worse", expression: "(x|x)*y", prefix: "EVIL" },
    ]
    const text = `${"a".repeat(50_000)}!${"x".repeat(50_000)}`
    expect(redacted(chat(text), "openai-chat", { rules, maxReplacements: Infinity }).refusal).toBeNull()
  })
})

test("a text that is longer than its bound is left to another thread", () => {
  const bytes = Buffer.from(JSON.stringify(chat("x".repeat(101))))
  const work = (longestText: number): Redaction =>
    run(redactRequest(scanObject(bytes, Infinity), "openai-chat", filterOf(), { key: "k", longestText }))
  expect(() => work(100)).toThrow(HeavyWork)
  expect(work(101).bytes).toBeNull()
})

test("whatever a request says, what was taken out can be put back", () => {
  const part = fc.oneof(
    fc.constantFrom(MAIL, "415-555-0132", "[EMAIL_", '"', "\\", "\n", "{", "}"),
    fc.string({ unit: "grapheme", maxLength: 6 }),
  )
  expectProperty(
    fc.property(fc.array(part, { maxLength: 10 }), (parts) => {
      const text = parts.join(" ")
      const { bytes, values } = redacted(chat(text), "openai-chat")
      const sent =
        bytes === null
          ? text
          : (JSON.parse(Buffer.from(bytes).toString()) as { messages: [{ content: string }] }).messages[0].content
      for (const value of values.values()) expect(sent).not.toContain(value)
      expect(restoreText(sent, "text", values)).toBe(text)
    }),
    300,
  )
})
