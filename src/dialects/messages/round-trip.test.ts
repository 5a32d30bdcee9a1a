/** What a client sends comes out again for its own dialect, and what other dialects send is legal here. */
import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import path from "node:path"
import { RECORDINGS_MISSING, recordingsOf } from "../../../test/helpers/recordings.ts"
import { anyRequest, plainRequest } from "../../../test/laws/request-arbitraries.ts"
import { arrange } from "../../canonical/arrange.ts"
import type { Block } from "../../canonical/block.ts"
import { decodeId } from "../../canonical/id-map.ts"
import { isObject, parseExact, type JsonObject, type JsonValue } from "../../canonical/json.ts"
import type { Message, Request } from "../../canonical/request.ts"
import { defaultFacts, type TargetFacts } from "../../canonical/target.ts"
import { messagesCodec as codec } from "./codec.ts"
import { countedReads } from "../../../test/helpers/counted-reads.ts"
import { expectProperty } from "../../../test/helpers/property.ts"

const FIXTURES = path.resolve(import.meta.dir, "../../../test/fixtures/messages")
const facts: TargetFacts = { ...defaultFacts({ dialect: "messages", label: "k" }, "claude"), midSystem: true }
const mint = (prefix: string): string => `${prefix}1`

const fixture = async (name: string): Promise<JsonValue> => parseExact(await Bun.file(path.join(FIXTURES, name)).text())

function written(body: JsonValue, own: Partial<TargetFacts> = {}): { wire: JsonValue; codes: readonly string[] } {
  const { request } = codec.readRequest(body)
  const { body: wire, losses } = codec.writeRequest(request, { ...facts, model: request.model, ...own }, mint)
  return { wire: parseExact(JSON.stringify(wire)), codes: losses.map((loss) => loss.code) }
}

/** Spellings that mean the same: strings and lists of one text, defaults, null, neighbours of one role. */
function normal(value: JsonValue | undefined): JsonValue {
  if (Array.isArray(value)) return value.map(normal)
  if (!isObject(value)) return value ?? null
  const kept = Object.entries(value).filter(([key, member]) => {
    const isDefault =
      member === null ||
      (key === "is_error" && member === false) ||
      (key === "stream" && member === false) ||
      (key === "type" && member === "custom") ||
      (key === "caller" && isObject(member) && member["type"] === "direct")
    return !isDefault
  })
  return Object.fromEntries(
    kept.map(([key, member]) => {
      if ((key === "content" || key === "system") && typeof member === "string") return [key, textBlocks(member)]
      return [key, key === "messages" ? joined(normal(member)) : normal(member)]
    }),
  )
}

function textBlocks(text: string): JsonValue {
  return text === "" ? [] : [{ type: "text", text }]
}

function joined(messages: JsonValue): JsonValue {
  const turns: { role: JsonValue | undefined; content: JsonValue[] }[] = []
  for (const message of messages as readonly JsonObject[]) {
    const content = message["content"] as readonly JsonValue[]
    const last = turns.at(-1)
    if (last?.role === message["role"]) last?.content.push(...content)
    else turns.push({ ...message, role: message["role"], content: [...content] })
  }
  return turns
}

describe("a request of this dialect", () => {
  test.each(["agent-request.json", "everything-request.json"])("comes out of %s as it went in", async (name) => {
    const body = await fixture(name)
    const { wire, codes } = written(body)
    expect(JSON.stringify(normal(wire), sorted)).toBe(JSON.stringify(normal(body), sorted))
    expect(codes).toEqual([])
  })

  test.skipIf(RECORDINGS_MISSING)("comes out as it went in, for every recording", () => {
    const recorded = recordingsOf("messages").filter((recording) => recording.request !== null)
    for (const { name, request } of recorded) {
      const body = parseExact(JSON.stringify(request))
      const { wire, codes } = written(body)
      expect({ name, wire: normal(wire), codes }).toEqual({ name, wire: normal(body), codes: [] })
    }
  })
})

function sorted(_key: string, value: unknown): unknown {
  if (!isObject(value)) return value
  return Object.fromEntries(Object.entries(value).toSorted(([left], [right]) => (left < right ? -1 : 1)))
}

/** Ids that the wire cannot hold stay as they were spelled. Numbers inside of arguments may be spelled anew, and arguments that are no object come back as they were. */
function readable(messages: readonly Message[]): readonly Message[] {
  return messages.map((message) => ({
    ...message,
    role: message.role === "developer" ? "system" : message.role,
    blocks: message.blocks.map((block): Block => {
      if (block.type === "tool-result") return { ...block, callId: decodeId(block.callId) }
      if (block.type !== "tool-call") return block
      return { ...block, id: decodeId(block.id), arguments: respelled(block.arguments) }
    }),
  }))
}

function respelled(text: string): string {
  try {
    const value = parseExact(text)
    return isObject(value) ? JSON.stringify(value) : text
  } catch {
    return text
  }
}

describe("a request of any dialect", () => {
  test("that says what all dialects can say is read back as it was arranged", () => {
    expectProperty(
      fc.property(plainRequest, (request) => {
        const { body, losses } = codec.writeRequest(request, facts, mint)
        const { request: again } = codec.readRequest(parseExact(JSON.stringify(body)))
        const expected = arrange(request, facts)
        fc.pre(!losses.some((loss) => loss.code === "content"))
        expect(readable(again.messages)).toEqual(readable(expected.messages))
        expect(again.instructions).toEqual(expected.instructions)
        if (request.tools.length > 0) expect(again.tools).toEqual(request.tools)
        expect(again.cap?.tokens).toBe(request.cap?.tokens ?? facts.defaultOutputTokens)
        expect(again.stream).toBe(request.stream)
        const declared = new Set(losses.map((loss) => loss.code))
        for (const code of declared) expect(["tool-arguments-wrapped", "tool-choice"]).toContain(code)
      }),
      150,
    )
  })

  test("becomes a legal body, twice the same, and gives nobody another's payload", () => {
    expectProperty(
      fc.property(anyRequest, fc.boolean(), (request, midSystem) => {
        const target = { ...facts, midSystem }
        const text = JSON.stringify(codec.writeRequest(request, target, mint).body)
        expect(JSON.stringify(codec.writeRequest(request, target, mint).body)).toBe(text)
        assertLegal(parseExact(text), request, midSystem)
      }),
      300,
    )
  })

  test("takes work that grows with the length of its history, not with its square", () => {
    const turn = (index: number): readonly Message[] => [
      { role: "user", blocks: [{ type: "text", text: `question ${index}` }] },
      {
        role: "assistant",
        blocks: [
          { type: "tool-call", id: `call_${index}`, name: "a", namespace: null, kind: "function", arguments: "{}" },
        ],
      },
      {
        role: "tool",
        blocks: [{ type: "tool-result", callId: `call_${index}`, kind: "function", isError: false, content: [] }],
      },
    ]
    const base = codec.readRequest({ messages: [] }).request
    const workFor = (count: number): number => {
      const { messages, reads } = countedReads(Array.from({ length: count }, (_unused, index) => turn(index)).flat())
      const { body } = codec.writeRequest({ ...base, dialect: "chat", messages }, facts, mint)
      expect(body["messages"]).toBeArrayOfSize(2 * count + 1)
      return reads()
    }
    expect(workFor(2000) / workFor(1000)).toBeLessThan(2.1)
  })
})

function assertLegal(body: JsonValue, request: Request, midSystem: boolean): void {
  if (!isObject(body)) throw new Error("no body")
  const messages = body["messages"] as readonly { role: string; content: readonly JsonObject[] }[]
  expect(messages[0]?.role).not.toBe("assistant")
  for (const [index, { role, content }] of messages.entries()) {
    expect(midSystem ? ["user", "assistant", "system"] : ["user", "assistant"]).toContain(role)
    expect(content.length).toBeGreaterThan(0)
    if (request.dialect !== "messages") expect(role).not.toBe(messages[index - 1]?.role ?? "")
    const calls = content.filter((block) => block["type"] === "tool_use").map((block) => block["id"])
    const next = messages[index + 1]?.content ?? []
    const answered = next.filter((block) => block["type"] === "tool_result").map((block) => block["tool_use_id"])
    if (role === "assistant" && index < messages.length - 1) expect(answered).toEqual(calls)
    for (const block of content) assertLegalBlock(block)
  }
  for (const tool of (body["tools"] ?? []) as readonly JsonObject[]) {
    if (tool["type"] === undefined) expect(tool["name"]).toMatch(/^[A-Za-z0-9_-]{1,64}$/)
  }
  expect(body["max_tokens"]).toBeGreaterThan(0)
}

function assertLegalBlock(block: JsonObject): void {
  if (block["type"] === "text") expect(block["text"]).not.toBe("")
  if (block["type"] === "tool_use") {
    expect(block["id"]).toMatch(/^[A-Za-z0-9_-]+$/)
    expect(isObject(block["input"])).toBe(true)
  }
  if (block["type"] === "thinking") expect(block["signature"]).not.toMatch(/^(?:rtr\d|$)/)
}
