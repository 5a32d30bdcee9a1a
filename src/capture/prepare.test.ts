/** What is stored of a body: itself, byte for byte, but for secrets, what is to be left out, and what is too much. */
import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { conversation } from "../../test/helpers/conversation.ts"
import { expectProperty } from "../../test/helpers/property.ts"
import { DIALECTS, SAMPLES, type Dialect } from "../../test/helpers/samples.ts"
import { at, framesOf, jsonOf } from "../../test/helpers/streams.ts"
import type { CaptureRule } from "../config/compile/capture-rule.ts"
import { prepared, type PreparedPart } from "./prepare.ts"

const ALL: CaptureRule = {
  request: true,
  answer: true,
  toolCalls: true,
  images: true,
  upstreamErrors: true,
  headers: [],
  patterns: [],
  maxBytes: 1 << 20,
  retentionMs: 1,
}
const SECRET = "sk-proj-abcdefghijklmnopqrstuvwx0123456789"

function body(text: string, rule: Partial<CaptureRule> = {}, totalBytes = Buffer.byteLength(text)): PreparedPart {
  return prepared({ name: "request", form: "json", bytes: Buffer.from(text), totalBytes }, { ...ALL, ...rule })
}

function events(text: string, rule: Partial<CaptureRule> = {}): PreparedPart {
  const bytes = Buffer.from(text)
  return prepared({ name: "answer", form: "events", bytes, totalBytes: bytes.length }, { ...ALL, ...rule })
}

const textOf = ({ bytes }: PreparedPart): string => Buffer.from(bytes).toString()

describe("bodies without secrets stay as they are", () => {
  test.each(DIALECTS)("%s", (dialect) => {
    const odd = '{ "n" : 12345678901234567890,\t"f":1.0, "s":"\\u00e9\\/" }'
    for (const text of [odd, SAMPLES[dialect].unary("words"), JSON.stringify(conversation(dialect, "look"))])
      expect(textOf(body(text))).toBe(text)
    const stream = `: comment\n\n${SAMPLES[dialect].frames(["Hi", " there"]).join("")}`
    expect(textOf(events(stream))).toBe(stream)
  })
})

describe("what a reader of the text sees, and a reader of the JSON does not", () => {
  const escaped = `\\u0073${SECRET.slice(1)}`
  test.each([
    ["a name that stands twice", `{"a":"${SECRET}","a":"ok"}`],
    ["a name that stands twice, deep inside", `{"a":[{"b":"${SECRET}","b":{}}]}`],
  ])("%s", (_what, text) => {
    expect(textOf(body(text))).not.toContain(SECRET)
    expect(textOf(events(`data: ${text}\n\n`))).not.toContain(SECRET)
    expect(textOf(events(`event: one\ndata: ${text}\n\n`))).toContain("event: one\n")
  })

  test("results of tools and images under a name that stands twice", () => {
    const tool = '{"messages":[{"role":"tool","content":"found it","content":""}]}'
    expect(textOf(body(tool, { toolCalls: false }))).not.toContain("found it")
    const image = '{"content":[{"type":"image_url","image_url":"https://x.test/pic","type":"text","image_url":""}]}'
    expect(textOf(body(image, { images: false }))).not.toContain("pic")
  })

  test.each([
    ["a body that was cut", (): PreparedPart => body(`{"a":"${escaped}","b":"`, {}, 9000)],
    ["a body that is no JSON", (): PreparedPart => body(`no JSON "${escaped}"`)],
    ["an event that is a text", (): PreparedPart => events(`data: "${escaped}"\n\n`)],
    [
      "an address in a body that was cut",
      (): PreparedPart => body('{"a":"pg:\\/\\/u:hunter2-horse@h","b":"', {}, 9000),
    ],
    ["a comment", (): PreparedPart => events(`: ${SECRET}\ndata: {}\n\n`)],
    ["the name of an event", (): PreparedPart => events(`event: ${SECRET}\ndata: {}\n\n`)],
    ["the id of an event", (): PreparedPart => events(`id: ${SECRET}\ndata: {}\n\n`)],
  ])("%s", (_what, prepare) => {
    const part = prepare()
    expect(textOf(part)).not.toMatch(/abcdefghij|hunter2/)
    expect(part.redactions).toBeGreaterThan(0)
  })

  test("escapes of a body that was cut stay where nothing is found", () => {
    const text = '{"a":"\\u0073ee https:\\/\\/x.test \\u00e9","b":"'
    expect(textOf(body(text, {}, 9000))).toBe(text)
  })
})

describe("secrets", () => {
  test.each([
    SECRET,
    "rtr_me_lab_dev_k1_0123456789abcdefghijklmnopqrstuvwxyzABCDEF",
    "ghp_0123456789abcdefghijklmnopqrstuvwxyz",
    "AKIAIOSFODNN7EXAMPLE",
    "AIzaSyA0123456789abcdefghijklmnopqrstuv",
    "xoxb-123456789012-abcdefghij",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV",
    "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEA\nabc\n-----END RSA PRIVATE KEY-----",
    "-----BEGIN PRIVATE KEY-----\nMIIEowIBAAKCAQEA\nabc that never ends",
    'password: "correct-horse-battery"',
    "postgres://ann:hunter2-horse@",
    "Authorization: Bearer abcdefghijklmnop0123456789",
  ])("a mark stands for %s", (secret) => {
    const text = JSON.stringify({ messages: [{ role: "user", content: `see ${secret}` }], [`as ${secret}`]: 1 })
    const found = body(text)
    expect(textOf(found)).not.toContain(secret.slice(-12).replace(/["\n].*/u, ""))
    expect(textOf(found)).toContain("[redacted]")
    expect(found.redactions).toBe(2)
    expect(textOf(body(`<html>${secret}`))).toContain("[redacted]")
  })

  test("those that the operator names, too", () => {
    const patterns = [String.raw`(?i)ticket \d+`]
    const found = body('{"a":"Ticket 12, TICKET 345"}', { patterns })
    expect([textOf(found), found.redactions]).toEqual(['{"a":"[redacted], [redacted]"}', 2])
  })

  test("are found in streams, however their events split them", () => {
    const cuts = fc.array(fc.nat(SECRET.length + 20), { maxLength: 8 })
    expectProperty(
      fc.property(fc.constantFrom(...DIALECTS), cuts, (dialect, places) => {
        const text = `before ${SECRET} behind`
        const ends = [...new Set([...places, 0, text.length])]
          .filter((end) => end <= text.length)
          .toSorted((a, b) => a - b)
        const pieces = ends.slice(1).map((end, index) => text.slice(ends[index], end))
        const found = events(SAMPLES[dialect].frames(pieces).join(""))
        const kept = textOf(found)
        expect(shown(dialect, kept)).toBe("before [redacted] behind")
        for (let from = 0; from + 12 <= SECRET.length; from += 6)
          expect(kept).not.toContain(SECRET.slice(from, from + 12))
      }),
    )
  })

  test("take no more time than bodies are long", () => {
    const long = [
      "a".repeat(1 << 20),
      "eyJ-".repeat(300_000),
      "-----BEGIN PRIVATE KEY-----".repeat(30_000),
      "password: ".repeat(100_000),
      "Bearer ".repeat(150_000),
      "a://".repeat(250_000),
      "sk-".repeat(300_000),
    ]
    const before = process.cpuUsage().user
    for (const text of long) body(JSON.stringify({ text }), { maxBytes: 10 })
    // 0.2 s is usual
    expect((process.cpuUsage().user - before) / 1e6).toBeLessThan(20)
  })
})

/** The text that a client would show. */
function shown(dialect: Dialect, stream: string): string {
  const of: Readonly<Record<Dialect, (event: unknown) => unknown>> = {
    chat: (event) => at(event, "choices", 0, "delta", "content"),
    responses: (event) => (at(event, "type") === "response.output_text.delta" ? at(event, "delta") : ""),
    messages: (event) => at(event, "delta", "text"),
  }
  return framesOf(stream)
    .map((frame) => of[dialect](jsonOf(frame)))
    .filter((text) => typeof text === "string")
    .join("")
}

describe("what is left out", () => {
  const PIXEL = "iVBORw0KGgo"

  test.each(DIALECTS)("calls of tools and their results, in requests: %s", (dialect) => {
    const text = JSON.stringify(conversation(dialect, "look at this"))
    const found = body(text, { toolCalls: false })
    const kept = textOf(found)
    for (const told of ["Paris", "Rome", "rain", "sun"])
      expect([told, kept.includes(`"${told}`)]).toEqual([told, false])
    expect(kept).not.toContain("Paris")
    for (const stays of ["look at this", "And tomorrow?", "weather", "Looks it up.", PIXEL])
      expect(kept).toContain(stays)
    expect(found.leftOut).toBeGreaterThan(3)
    expect(() => JSON.parse(kept) as unknown).not.toThrow()
  })

  test.each(DIALECTS)("images: %s", (dialect) => {
    const found = body(JSON.stringify(conversation(dialect, "look at this")), { images: false })
    const kept = textOf(found)
    expect(kept).not.toContain(PIXEL)
    expect(kept).toContain("Paris")
    expect(kept).toMatch(/\[(?:image|data) left out: \d+ characters\]/u)
    expect(found.leftOut).toBeGreaterThan(0)
  })

  test("files and sound of any shape, by what they look like", () => {
    const data = Buffer.alloc(3000, 7).toString("base64")
    const text = JSON.stringify({
      parts: [{ type: "input_file", file_data: data }, { new_thing: `data:x/y;base64,${data}` }],
    })
    expect(textOf(body(text, { images: false }))).not.toContain(data.slice(0, 100))
    expect(textOf(body(text))).toBe(text)
  })

  test("calls of tools in streams, in all dialects", () => {
    const streams = [
      `data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"c1","type":"function","function":{"name":"f","arguments":"{\\"city\\""}}]}}]}\n\n`,
      `event: response.function_call_arguments.delta\ndata: {"type":"response.function_call_arguments.delta","item_id":"i","delta":"{\\"city\\""}\n\n`,
      `event: response.output_item.done\ndata: {"type":"response.output_item.done","item":{"type":"custom_tool_call","name":"f","input":"city"}}\n\n`,
      `event: content_block_start\ndata: {"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"t","name":"f","input":{"city":1}}}\n\n`,
      `event: content_block_delta\ndata: {"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"city"}}\n\n`,
    ]
    for (const stream of streams) {
      const found = events(stream, { toolCalls: false })
      expect([textOf(found).includes("city"), found.leftOut]).toEqual([false, 1])
      expect(textOf(events(stream))).toBe(stream)
    }
  })

  test("everything where something is to be left out of what cannot be read", () => {
    const cut = body('{"messages":[{"content":[{"type":"image","source":', { images: false }, 5000)
    expect([textOf(cut).startsWith("[left out"), cut.isTruncated]).toEqual([true, true])
  })
})

describe("bounds", () => {
  test("the beginning is stored, and no half of a character", () => {
    const found = body(`{"a":"${"é".repeat(100)}"}`, { maxBytes: 10 })
    expect([textOf(found), found.isTruncated, found.originalBytes]).toEqual(['{"a":"éé', true, 208])
    expect(body("{}", { maxBytes: 2 }).isTruncated).toBe(false)
  })

  test("half an event at the end is left out, with what of a secret may stand in it", () => {
    const whole = SAMPLES.chat.frames(["one"])[0] ?? ""
    const found = events(`${whole}data: {"choices":[{"delta":{"content":"${SECRET.slice(0, 20)}`)
    expect([textOf(found), found.isTruncated]).toEqual([whole, true])
  })

  test("a secret that the bound would cut is found before", () => {
    const found = body(`{"a":"${SECRET}"}`, { maxBytes: 20 })
    expect(textOf(found)).toBe('{"a":"[redacted]"}')
  })
})
