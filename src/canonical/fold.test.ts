import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { anyReply, eventsOf } from "../../test/laws/reply-arbitraries.ts"
import type { Event } from "./event.ts"
import { createFold, fold } from "./fold.ts"
import { assertGrammar, checkGrammar, GrammarError } from "./grammar.ts"
import { unfold } from "./unfold.ts"
import { expectProperty } from "../../test/helpers/property.ts"

describe("folding events", () => {
  test("gives the reply that was unfolded, however its events are cut", () => {
    const pair = anyReply.chain((reply) => fc.tuple(fc.constant(reply), eventsOf(fc.constant(reply))))
    expectProperty(
      fc.property(pair, ([reply, events]) => {
        assertGrammar(events)
        expect(fold(unfold(reply))).toEqual({ reply })
        expect(fold(events)).toEqual({ reply })
      }),
      200,
    )
  })

  test("keeps what came before a failure", () => {
    const folding = createFold()
    folding.push({ type: "start", id: "a", model: "m", created: null })
    folding.push({ type: "open", block: { type: "text" } })
    folding.push({ type: "delta", delta: { of: "text", text: "half" } })
    expect(folding.result()).toBeNull()
    const failure = { kind: "server", status: null, message: "gone" } as const
    folding.push({ type: "fail", failure, usage: null })
    expect(folding.result()).toEqual({ failure, blocks: [{ type: "text", text: "half" }], usage: null })
  })

  test("refuses events without an end", () => {
    expect(() => fold([{ type: "start", id: "", model: "", created: null }])).toThrow("no terminal event")
  })
})

const start: Event = { type: "start", id: "", model: "", created: null }
const open: Event = { type: "open", block: { type: "text" } }
const delta: Event = { type: "delta", delta: { of: "text", text: "x" } }
const close: Event = { type: "close" }
const usage: Event = { type: "usage", usage: { source: "provider" } }
const stop: Event = { type: "stop", stop: { is: "end", raw: null } }
const end: Event = { type: "end" }
const fail: Event = { type: "fail", failure: { kind: "server", status: null, message: "" }, usage: null }
const thinking: Event = { type: "open", block: { type: "reasoning" } }
const seal = { issuer: { dialect: "chat", label: null }, form: "none", payload: "" } as const
const part = (number: number, kind: "raw" | "summary" = "raw"): Event => {
  return { type: "delta", delta: { of: "reasoning", text: "x", part: number, kind } }
}

describe("the grammar", () => {
  test.each([
    [[start, stop, end]],
    [[start, open, delta, close, usage, usage, stop, end]],
    [[fail]],
    [[start, open, delta, fail]],
    [[start, stop, fail]],
    [
      [
        start,
        thinking,
        part(0),
        part(0),
        part(1, "summary"),
        { type: "delta", delta: { of: "seal", seal } },
        close,
        stop,
        end,
      ],
    ],
  ] satisfies readonly (readonly [readonly Event[]])[])("accepts %#", (events) => {
    expect(() => assertGrammar(events)).not.toThrow()
  })

  test.each([
    ["nothing", []],
    ["no end", [start, stop]],
    ["no stop", [start, end]],
    ["two starts", [start, start]],
    ["overlapping blocks", [start, open, open]],
    ["a delta outside", [start, delta]],
    ["a close outside", [start, close]],
    ["a block after usage", [start, usage, open]],
    ["an open block at the stop", [start, open, stop]],
    ["two ends", [start, stop, end, end]],
    ["an end after a failure", [start, fail, end]],
    ["an empty delta", [start, open, { type: "delta", delta: { of: "text", text: "" } }]],
    ["a foreign delta", [start, open, { type: "delta", delta: { of: "arguments", text: "x" } }]],
    ["a skipped part", [start, thinking, part(1)]],
    ["a part that comes back", [start, thinking, part(0), part(1), part(0)]],
    ["a part of two kinds", [start, thinking, part(0), part(0, "summary")]],
    ["text after the seal", [start, thinking, { type: "delta", delta: { of: "seal", seal } }, part(0)]],
  ] satisfies readonly (readonly [string, readonly Event[]])[])("refuses %s", (_name, events) => {
    expect(() => assertGrammar(events)).toThrow(GrammarError)
  })

  test("tells when it is finished", () => {
    const check = checkGrammar()
    check.push(start)
    expect(check.finished).toBe(false)
    check.push(fail)
    expect(check.finished).toBe(true)
  })
})
