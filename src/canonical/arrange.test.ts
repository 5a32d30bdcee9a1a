import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { anyRequest, plainRequest } from "../../test/laws/request-arbitraries.ts"
import { alternate, arrange, ERROR_MARK, MINIMAL_TURN, SYSTEM_MARK } from "./arrange.ts"
import type { Block, ToolCallBlock, ToolResultBlock } from "./block.ts"
import type { Dialect } from "./origin.ts"
import { MISSING_RESULT_TEXT } from "./pairing.ts"
import { emptyRequest, type Message, type Request, type Role } from "./request.ts"
import { defaultFacts, type TargetFacts } from "./target.ts"
import { countedReads } from "../../test/helpers/counted-reads.ts"
import { expectLinear } from "../../test/helpers/linear.ts"
import { expectProperty } from "../../test/helpers/property.ts"

const text = (words: string): Block => ({ type: "text", text: words })
const call = (id: string): ToolCallBlock => {
  return { type: "tool-call", id, name: "t", namespace: null, kind: "function", arguments: "{}" }
}
const result = (callId: string, words = callId): ToolResultBlock => {
  return { type: "tool-result", callId, kind: "function", isError: false, content: [text(words)] }
}
const says = (role: Role, ...blocks: Block[]): Message => ({ role, blocks })
const asked = (...messages: Message[]): Request => ({ ...emptyRequest("responses", "g"), messages })
const facts = (dialect: Dialect, own: Partial<TargetFacts> = {}): TargetFacts => {
  return { ...defaultFacts({ dialect, label: "k" }, "m"), ...own }
}
const codes = (request: Request, target: TargetFacts): readonly string[] =>
  arrange(request, target).losses.map((loss) => `${loss.code} ${loss.path}`)

describe("calls and results", () => {
  test("stand together, in the order of the calls, before what stood between", () => {
    const request = asked(
      says("user", text("go")),
      says("assistant", text("both:")),
      says("assistant", call("a")),
      says("assistant", call("b")),
      says("tool", result("b")),
      says("user", text("wait")),
      says("tool", result("a")),
    )
    const arranged = arrange(request, facts("chat"))
    expect(arranged.messages).toEqual([
      says("user", text("go")),
      says("assistant", text("both:"), call("a"), call("b")),
      says("tool", result("a"), result("b")),
      says("user", text("wait")),
    ])
    expect(arranged.losses).toEqual([])
    expect(arrange(request, facts("messages")).messages.slice(2)).toEqual([
      says("user", result("a"), result("b"), text("wait")),
    ])
  })

  test("of one step after the other stay steps", () => {
    const steps = [
      says("user", text("x")),
      says("assistant", call("a")),
      says("tool", result("a")),
      says("assistant", call("b")),
      says("tool", result("b")),
    ]
    expect(arrange(asked(...steps), facts("chat")).messages).toEqual(steps)
  })

  test("with an id that comes again are paired by place", () => {
    const request = asked(
      says("assistant", call("0")),
      says("tool", result("0", "first")),
      says("assistant", call("0")),
      says("user", text("hm")),
      says("tool", result("0", "second")),
    )
    expect(arrange(request, facts("chat")).messages).toEqual([
      says("assistant", call("0")),
      says("tool", result("0", "first")),
      says("assistant", call("1")),
      says("tool", result("1", "second")),
      says("user", text("hm")),
    ])
  })

  test("with many uses of one id take time in proportion", () => {
    const steps = (count: number): readonly Message[] =>
      Array.from({ length: count }, () => [says("assistant", call("0")), says("tool", result("0"))]).flat()
    for (const dialect of ["chat", "messages"] as const)
      expectLinear((count) => {
        const request = asked(...steps(count))
        return () => arrange(request, facts(dialect))
      })
    const ids = arrange(asked(...steps(3)), facts("chat")).messages.flatMap(({ blocks }) =>
      blocks.flatMap((block) => (block.type === "tool-call" ? [block.id] : [])),
    )
    expect(ids).toEqual(["0", "1", "2"])
  })

  test("that have no partner are declared", () => {
    const request = asked(
      says("tool", result("lost")),
      says("assistant", call("a"), call("b")),
      says("tool", result("a", "one")),
      says("tool", result("a", "two")),
      says("assistant", call("due")),
    )
    const arranged = arrange(request, facts("chat"))
    expect(arranged.losses).toEqual([
      { code: "tool-result-missing", path: "messages[1]" },
      { code: "tool-result-orphan", path: "messages[0].blocks[0]" },
      { code: "tool-result-duplicate", path: "messages[3].blocks[0]" },
    ])
    const repaired = result("b", ERROR_MARK + MISSING_RESULT_TEXT)
    expect(arranged.messages).toEqual([
      says("assistant", call("a"), call("b")),
      says("tool", result("a", "one"), repaired),
      says("assistant", call("due")),
    ])
    expect(arrange(request, facts("chat", { repairToolResults: false })).messages[1]).toEqual(
      says("tool", result("a", "one")),
    )
  })

  test("of turns that are stored upstream stay", () => {
    const request = { ...asked(says("tool", result("a"))), state: { previousResponseId: "resp_1" } }
    expect(arrange(request, facts("responses"))).toMatchObject({ messages: [says("tool", result("a"))], losses: [] })
  })

  test("that failed say so, by flag or by text", () => {
    const failed = { ...result("a", "no such file"), isError: true }
    const silent = { ...failed, content: [] }
    const request = asked(says("user", text("x")), says("assistant", call("a")), says("tool", failed))
    expect(arrange(request, facts("messages")).messages[2]).toEqual(says("user", failed))
    const marked = arrange(request, facts("responses"))
    expect(marked.messages[2]).toEqual(says("tool", result("a", "[tool error] no such file")))
    expect(marked.losses.map((loss) => loss.code)).toEqual(["tool-result-error"])
    const bare = asked(says("assistant", call("a")), says("tool", silent))
    expect(arrange(bare, facts("chat")).messages[1]).toEqual(says("tool", result("a", "[tool error]")))
  })

  test("with pictures give them to the user, where tools cannot", () => {
    const image: Block = { type: "image", source: { kind: "url", url: "https://x.test/i.png" } }
    const shot: ToolResultBlock = { ...result("a"), content: [text("see"), image] }
    const request = asked(says("assistant", call("a")), says("tool", shot))
    const arranged = arrange(request, facts("chat"))
    expect(arranged.messages.slice(1)).toEqual([
      says("tool", { ...shot, content: [text("see"), text("[image: see the next user message]")] }),
      says("user", text("[from the result of tool call a]"), image),
    ])
    expect(arranged.losses.map((loss) => loss.code)).toEqual(["tool-result-media"])
    expect(arrange(request, facts("responses")).messages[1]).toEqual(says("tool", shot))
  })
})

describe("system text", () => {
  const request: Request = {
    ...asked(
      says("developer", text("b")),
      says("system", text("c")),
      says("user", text("hi")),
      says("system", text("late")),
    ),
    instructions: [text("x-anthropic-billing-header: cc_version=2"), text("a")],
  }

  test("that leads is hoisted for Messages, and stays for the others", () => {
    const hoisted = arrange(request, facts("messages", { stripAttribution: true }))
    expect(hoisted.instructions).toEqual([text("a"), text("b"), text("c")])
    expect(hoisted.messages).toEqual([says("user", text("hi"), text(`${SYSTEM_MARK}late`))])
    expect(hoisted.losses).toEqual([{ code: "system-position", path: "messages[3]" }])
    const kept = arrange(request, facts("chat"))
    expect(kept.instructions).toEqual([text("a")])
    expect(kept.messages).toEqual(request.messages)
  })

  test("in the middle stays where the target takes it, and is never hoisted", () => {
    const arranged = arrange(request, facts("messages", { midSystem: true }))
    expect(arranged.messages).toEqual([says("user", text("hi")), says("system", text("late"))])
    expect(arranged.instructions).toHaveLength(4)
  })

  test("alone gets a minimal user message for Messages", () => {
    const arranged = arrange(asked(says("system", text("s"))), facts("messages"))
    expect(arranged.messages).toEqual([says("user", text(MINIMAL_TURN))])
    expect(arranged.losses).toEqual([{ code: "turn-added", path: "messages" }])
  })
})

describe("what only another dialect understands", () => {
  test("becomes its text or is left out, and is declared", () => {
    const raw = { type: "raw", dialect: "messages", raw: {}, text: null } as const
    const request = asked(
      {
        role: "user",
        name: "Ada",
        extra: { dialect: "responses", fields: { phase: "x" } },
        blocks: [
          { ...raw, what: "hosted-call", text: "searched" },
          { ...raw, what: "reference" },
          { type: "image", source: { kind: "file", dialect: "responses", id: "file_1" } },
          { type: "text", text: "t", extra: { dialect: "responses", fields: { x: 1 } } },
        ],
      },
      says("assistant", { ...raw, what: "notice" }),
    )
    expect(codes(request, facts("chat"))).toEqual([
      "tool-step messages[0].blocks[0]",
      "stored-reference messages[0].blocks[1]",
      "file-reference messages[0].blocks[2]",
      "block-field messages[0].blocks[3]",
      "message-field messages[0]",
      "notice messages[1].blocks[0]",
    ])
    expect(arrange(request, facts("chat")).messages).toEqual([
      { role: "user", name: "Ada", blocks: [text("searched"), text("t")] },
    ])
    expect(codes(request, facts("responses"))).toContain("message-name messages[0]")
  })

  test("is left out where it is media that the target does not take", () => {
    const request = asked(
      says(
        "user",
        text("x"),
        { type: "image", source: { kind: "url", url: "u" } },
        { type: "audio", format: "wav", data: "AA" },
      ),
    )
    expect(codes(request, facts("chat", { images: false }))).toEqual(["image messages[0].blocks[1]"])
    expect(codes(request, facts("messages"))).toEqual(["audio messages[0].blocks[2]"])
  })

  test("is left out as an unfinished answer only where it cannot be continued", () => {
    const request = asked(says("user", text("x")), says("assistant", text("The")))
    expect(arrange(request, facts("messages")).messages).toHaveLength(2)
    expect(codes(request, facts("messages", { prefill: false }))).toEqual(["prefill messages[1]"])
  })

  test("is sent back everywhere as an answer that the vendor paused in its own step", () => {
    const step: Block = { type: "raw", dialect: "messages", what: "hosted-call", raw: {}, text: null }
    const request = asked(says("user", text("x")), says("assistant", text("The"), step))
    expect(codes(request, facts("messages", { prefill: false }))).toEqual([])
  })
})

describe("every arrangement", () => {
  const target = fc
    .record({
      dialect: fc.constantFrom<Dialect>("chat", "responses", "messages"),
      midSystem: fc.boolean(),
      toolResultMedia: fc.boolean(),
      repairToolResults: fc.constant(true),
    })
    .map(({ dialect, ...own }) => facts(dialect, own))

  test("is one that vendors take", () => {
    expectProperty(
      fc.property(anyRequest, target, (request, to) => {
        const { messages } = arrange(request, to)
        for (const [index, message] of messages.entries()) {
          expect(message.blocks.length).toBeGreaterThan(0)
          const results = message.blocks.filter((block) => block.type === "tool-result").map((block) => block.callId)
          const before = messages[index - 1]?.blocks ?? []
          const calls = before.filter((block) => block.type === "tool-call").map((block) => block.id)
          expect(results).toEqual(index > 0 ? calls : [])
          for (const block of message.blocks) if (block.type === "raw") expect(block.dialect).toBe(to.issuer.dialect)
          if (to.issuer.dialect === "messages") expect(message.role).not.toBe(messages[index - 1]?.role ?? "assistant")
        }
      }),
      200,
    )
  })

  test("of an arrangement is itself", () => {
    expectProperty(
      fc.property(anyRequest, target, (request, to) => {
        const once = arrange(request, to)
        const twice = arrange({ ...request, instructions: once.instructions, messages: once.messages }, to)
        expect(twice).toEqual({ ...once, losses: [] })
      }),
      200,
    )
  })

  test("of a plain conversation loses nothing", () => {
    expectProperty(
      fc.property(plainRequest, target, (request, to) => {
        const arranged = arrange(request, to)
        expect(arranged.losses).toEqual([])
        expect(alternate(arranged.messages)).toEqual(alternate(request.messages))
      }),
      200,
    )
  })

  test("takes work that grows with the length of a history, not with its square", () => {
    const workFor = (count: number): number => {
      const turns = Array.from({ length: count }, (_one, index) => [
        says("assistant", call(`c${index}`)),
        says("tool", result(`c${index}`)),
      ])
      const { messages, reads } = countedReads([says("user", text("x")), ...turns.flat()])
      expect(arrange(asked(...messages), facts("messages")).messages).toHaveLength(2 * count + 1)
      return reads()
    }
    expect(workFor(2000) / workFor(1000)).toBeLessThan(2.1)
  })
})

describe("a Chat target that takes", () => {
  const talk = asked(
    says("system", text("a")),
    says("developer", text("b")),
    says("user", text("c")),
    says("user", text("d")),
    says("system", text("e")),
    says("assistant", call("1")),
    says("tool", result("1")),
    says("user", text("f")),
  )

  test("one system message gets the leading ones as its instructions, and later ones as user text", () => {
    const arranged = arrange({ ...talk, instructions: [text("0")] }, facts("chat", { midSystem: false }))
    expect(arranged.instructions).toEqual([text("0"), text("a"), text("b")])
    expect(arranged.messages.map(({ role }) => role)).toEqual(["user", "user", "user", "assistant", "tool", "user"])
    expect(arranged.losses).toEqual([{ code: "system-position", path: "messages[4]" }])
  })

  test("no neighbours of one role gets them joined, and results stay messages of their own", () => {
    const arranged = arrange(talk, facts("chat", { midSystem: false, roles: "joined" }))
    expect(arranged.messages).toEqual([
      says("user", text("c"), text("d"), text("[system message]\ne")),
      says("assistant", call("1")),
      says("tool", result("1")),
      says("user", text("f")),
    ])
  })

  test("no user behind results gets the text in the last result", () => {
    const target = facts("chat", { midSystem: false, roles: "alternating" })
    const { messages, losses } = arrange(talk, target)
    expect(messages.map(({ role }) => role)).toEqual(["user", "assistant", "tool"])
    expect(JSON.stringify(messages[2])).toContain('"text":"f"')
    expect(losses.map(({ code }) => code)).toEqual(["system-position", "block-order"])
  })

  test("no user behind results gets a turn before a message that holds more than text", () => {
    const image: Block = { type: "image", source: { kind: "url", url: "https://a.example/i" } }
    const { messages, losses } = arrange(
      asked(says("user", text("x")), says("assistant", call("1")), says("tool", result("1")), says("user", image)),
      facts("chat", { roles: "alternating" }),
    )
    expect(messages.map(({ role }) => role)).toEqual(["user", "assistant", "tool", "assistant", "user"])
    expect(losses.map(({ code }) => code)).toEqual(["turn-added"])
  })

  test("alternating roles begins with a user", () => {
    const target = facts("chat", { midSystem: false, roles: "alternating" })
    expect(arrange(asked(says("assistant", text("x"))), target).messages[0]?.role).toBe("user")
  })
})
