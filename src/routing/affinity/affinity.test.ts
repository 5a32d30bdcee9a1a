/** The store of pins, and what a conversation is known by. */
import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { scanObject } from "../../json/scan.ts"
import { conversationKeys, type ConversationSource } from "./conversation-key.ts"
import { firstTurns } from "./first-turns.ts"
import { MemoryPinStore, type Pin } from "./pin-store.ts"
import { expectProperty } from "../../../test/helpers/property.ts"

const pin = (target: string, at: number): Pin => ({ target, issuer: null, foreignSeals: 0, at })

describe("the store of pins", () => {
  test("ends a pin with its time, and shares none between groups", () => {
    const store = new MemoryPinStore()
    store.set("g", "k", pin("a", 100), { ttlMs: 50, maxEntries: 9 })
    expect(store.getOne("g", "k", 149)?.target).toBe("a")
    expect(store.getOne("other", "k", 120)).toBeNull()
    expect(store.getOne("g", "k", 150)).toBeNull()
    expect(store.getOne("g", "k", 120)).toBeNull()
  })

  test("holds no more pins than allowed, those used last", () => {
    const steps = fc.array(fc.tuple(fc.boolean(), fc.nat(12)), { maxLength: 80 })
    expectProperty(
      fc.property(steps, fc.integer({ min: 1, max: 5 }), (all, maxEntries) => {
        const store = new MemoryPinStore()
        // most recently used first
        let model: number[] = []
        for (const [isWrite, key] of all) {
          const isThere = model.includes(key)
          if (isWrite) store.set("g", String(key), pin(String(key), 0), { ttlMs: 10, maxEntries })
          else expect(store.getOne("g", String(key), 1)?.target).toBe(isThere ? String(key) : undefined)
          if (isWrite || isThere) model = [key, ...model.filter((other) => other !== key)].slice(0, maxEntries)
        }
        const found = Array.from({ length: 13 }, (_, key) => key).filter(
          (key) => store.getOne("g", String(key), 1) !== null,
        )
        expect(found).toEqual(model.toSorted((a, b) => a - b))
      }),
    )
  })
})

const bytes = (value: unknown, indent = 0): Buffer => Buffer.from(JSON.stringify(value, null, indent))

describe("the first turns of a conversation", () => {
  const plain = [
    { role: "user", content: "hello" },
    { role: "assistant", content: "yes?" },
    { role: "user", content: "go on" },
  ]
  const same: readonly (readonly [string, readonly object[]])[] = [
    ["a system prompt that changes", [{ role: "system", content: String(Math.PI) }, ...plain]],
    ["parts instead of a string", [{ role: "user", content: [{ type: "text", text: "hello" }] }, ...plain.slice(1)]],
    [
      "a cache mark",
      [
        { role: "user", content: [{ type: "text", text: "hello", cache_control: { type: "ephemeral" } }] },
        ...plain.slice(1),
      ],
    ],
    ["more turns", [...plain, { role: "assistant", content: "so" }, { role: "user", content: "x" }]],
    [
      "thinking that is kept",
      [
        plain[0]!,
        {
          role: "assistant",
          content: [
            { type: "thinking", thinking: "hm", signature: "s" },
            { type: "text", text: "yes?" },
          ],
        },
        plain[2]!,
      ],
    ],
    [
      "a reasoning item that is kept",
      [plain[0]!, { type: "reasoning", summary: [], encrypted_content: "x" }, ...plain.slice(1)],
    ],
  ]
  test.each(same.map((entry) => [...entry] as const))("are the same in spite of %s", (_, messages) => {
    expect(firstTurns(bytes(messages))).toEqual({ opening: "hello", answer: "yes?" })
    expect(firstTurns(bytes(messages, 2))).toEqual({ opening: "hello", answer: "yes?" })
  })

  test("differ by the ids of tool calls", () => {
    const calls = [{ id: "call_1", type: "function", function: { name: "f", arguments: "{}" } }]
    const chat = [plain[0], { role: "assistant", content: null, tool_calls: calls }, { role: "tool", content: "x" }]
    expect(firstTurns(bytes(chat))?.answer).toBe("call_1")
    expect(firstTurns(bytes([plain[0], { type: "function_call", call_id: "call_2", name: "f" }]))?.answer).toBe(
      "call_2",
    )
    const used = [{ type: "tool_use", id: "toolu_3", name: "f", input: {} }]
    expect(firstTurns(bytes([plain[0], { role: "assistant", content: used }]))?.answer).toBe("toolu_3")
  })

  test("are none where nothing is said, or nothing is a conversation", () => {
    expect(firstTurns(bytes([plain[0]]))).toEqual({ opening: "hello", answer: null })
    expect(firstTurns(bytes("hello"))?.answer).toBeNull()
    for (const value of [[], {}, 7, null, [7, "x", null], [{ role: "system", content: "x" }]])
      expect(firstTurns(bytes(value))).toBeNull()
  })

  test("do not count instructions between the turns, however their role is spelled", () => {
    const system = String.raw`{"r\u006fle":"system","content":"x"}`
    const text = `[${system},{"role":"user","content":"hello"},${system},{"role":"assistant","content":"hi"}]`
    expect(firstTurns(Buffer.from(text))).toEqual({ opening: "hello", answer: "hi" })
  })
})

describe("the keys:", () => {
  const keysOf = (headers: Record<string, string>, body: object, more: Partial<ConversationSource> = {}) =>
    conversationKeys({
      callerId: "me",
      dialect: "openai-chat",
      body: scanObject(new TextEncoder().encode(JSON.stringify(body)), 512),
      headers: { get: (name) => headers[name] ?? null },
      ...more,
    })
  const talk = { messages: [{ role: "user", content: "hi" }] }

  test("an explicit session comes before the client's own, that before a cache key, that before the words", () => {
    const body = { ...talk, prompt_cache_key: "k" }
    const headers = { "x-session-id": "a", "x-claude-code-session-id": "b" }
    expect(keysOf(headers, body)?.next).toBe(keysOf({ "x-session-id": "a" }, talk)!.next)
    expect(keysOf({ "x-claude-code-session-id": "b" }, body)?.kind).toBe("session")
    expect(keysOf({}, body)?.kind).toBe("prompt-cache-key")
    expect(keysOf({}, talk)).toMatchObject({ kind: "first-turns", known: [] })
    expect(keysOf({}, {})).toBeNull()
    expect(keysOf({ "x-session-id": "" }, { ...talk, prompt_cache_key: 7 })?.kind).toBe("first-turns")
  })

  test("agents of a session, callers and dialects are kept apart; nothing is kept in clear", () => {
    const session = { "x-claude-code-session-id": "s-1" }
    const all = [
      keysOf(session, talk),
      keysOf({ ...session, "x-claude-code-agent-id": "sub" }, talk),
      keysOf(session, talk, { callerId: "you" }),
      keysOf(session, talk, { dialect: "anthropic" }),
    ]
    expect(new Set(all.map((keys) => keys?.next)).size).toBe(4)
    for (const keys of all) expect(keys?.next).toMatch(/^[A-Za-z0-9+/]{43}=$/)
  })

  test("the second call finds the first, the third what the second remembered", () => {
    const second = {
      messages: [...talk.messages, { role: "assistant", content: "hm" }, { role: "user", content: "x" }],
    }
    const third = {
      messages: [...second.messages, { role: "assistant", content: "o" }, { role: "user", content: "y" }],
    }
    const [one, two, three] = [keysOf({}, talk)!, keysOf({}, second)!, keysOf({}, third)!]
    expect(two.known).toContain(one.next)
    expect(three.known[0]).toBe(two.next)
    expect(three.next).toBe(two.next)
  })
})
