import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { anyReply } from "../../test/laws/reply-arbitraries.ts"
import { Assembler, MAX_WAITING_CHARS } from "./assemble.ts"
import type { Block } from "./block.ts"
import { fold } from "./fold.ts"
import { assertGrammar } from "./grammar.ts"
import type { Issuer } from "./origin.ts"
import { unfold } from "./unfold.ts"
import { expectProperty } from "../../test/helpers/property.ts"

const issuer: Issuer = { dialect: "chat", label: "p1" }
const call = (id: string) => ({ type: "tool-call", id, name: `tool_${id}`, namespace: null, kind: "function" }) as const
const args = (text: string) => ({ of: "arguments", text }) as const
const text = (words: string) => ({ of: "text", text: words }) as const

function blocksOf(assembler: Assembler): readonly Block[] {
  const events = assembler.take()
  assertGrammar(events)
  const folded = fold(events)
  return "reply" in folded ? folded.reply.blocks : folded.blocks
}

describe("an assembler", () => {
  test("passes what belongs to the open block on at once", () => {
    const assembler = new Assembler(issuer)
    assembler.start({ id: "a", model: "m", created: 1 })
    assembler.open(0, { type: "text" })
    assembler.take()
    assembler.delta(0, text("x"))
    expect(assembler.take()).toEqual([
      { type: "open", block: { type: "text" } },
      { type: "delta", delta: text("x") },
    ])
    assembler.delta(0, text("y"))
    expect(assembler.take()).toEqual([{ type: "delta", delta: text("y") }])
  })

  test("puts interleaved calls one behind the other, in the order of opening", () => {
    const assembler = new Assembler(issuer)
    assembler.open(0, call("a"))
    assembler.open(1, call("b"))
    assembler.delta(1, args('{"b"'))
    assembler.delta(0, args("{"))
    assembler.delta(1, args(":1}"))
    assembler.delta(0, args("}"))
    assembler.close(1)
    assembler.end()
    expect(blocksOf(assembler)).toEqual([
      { ...call("a"), arguments: "{}" },
      { ...call("b"), arguments: '{"b":1}' },
    ])
  })

  test("keeps deltas of a call whose name is late, and drops a call that never got one", () => {
    const assembler = new Assembler(issuer)
    assembler.delta("late", args('{"x":'))
    assembler.delta("never", args("{}"))
    assembler.open("late", call("late"))
    assembler.delta("late", args("2}"))
    assembler.end()
    expect(blocksOf(assembler)).toEqual([{ ...call("late"), arguments: '{"x":2}' }])
  })

  test("makes no block of empty text, and {} of no arguments", () => {
    const assembler = new Assembler(issuer)
    assembler.open(0, { type: "text" })
    assembler.delta(0, text(""))
    assembler.close(0)
    assembler.open(1, call("a"))
    assembler.delta(1, args(""))
    assembler.close(1)
    assembler.end()
    expect(blocksOf(assembler)).toEqual([{ ...call("a"), arguments: "{}" }])
  })

  test("ignores a second start, a used key and everything after the end", () => {
    const assembler = new Assembler(issuer)
    assembler.start({ id: "a", model: "m", created: 1 })
    assembler.start({ id: "b", model: "n", created: 2 })
    assembler.open(0, { type: "text" })
    assembler.delta(0, text("once"))
    assembler.close(0)
    assembler.open(0, { type: "text" })
    assembler.delta(0, text("twice"))
    assembler.end()
    assembler.end()
    assembler.whole({ type: "image", source: { kind: "url", url: "u" } })
    assembler.fail({ kind: "server", status: null, message: "" })
    const events = assembler.take()
    expect(fold(events)).toMatchObject({ reply: { id: "a", blocks: [{ type: "text", text: "once" }] } })
    expect(assembler.take()).toEqual([])
  })

  test("seals reasoning with its origin, and lets nothing follow a seal", () => {
    const assembler = new Assembler(issuer)
    assembler.open(0, { type: "reasoning" })
    assembler.delta(0, { of: "reasoning", text: "hm", part: 0, kind: "raw" })
    assembler.close(0)
    const seal = { issuer, form: "signature", payload: "sig" } as const
    assembler.open(1, { type: "reasoning" })
    assembler.delta(1, { of: "seal", seal })
    assembler.delta(1, { of: "reasoning", text: "late", part: 0, kind: "raw" })
    assembler.end()
    expect(blocksOf(assembler)).toEqual([
      { type: "reasoning", parts: [{ kind: "raw", text: "hm" }], seal: { issuer, form: "none", payload: "" } },
      { type: "reasoning", parts: [], seal },
    ])
  })

  test("trusts the calls, overwrites usage, and reports it when the upstream fails", () => {
    const assembler = new Assembler(issuer)
    assembler.usage({ freshInputTokens: 9, outputTokens: 1, source: "provider" })
    assembler.usage({ outputTokens: 3, source: "provider" })
    assembler.open(0, call("a"))
    assembler.stop({ is: "end", raw: "stop" })
    assembler.end()
    const usage = { freshInputTokens: 9, outputTokens: 3, source: "provider" }
    expect(fold(assembler.take())).toMatchObject({ reply: { usage, stop: { is: "tool-calls", raw: "stop" } } })
    const broken = new Assembler(issuer)
    broken.usage({ outputTokens: 3, source: "provider" })
    broken.fail({ kind: "protocol", status: null, message: "cut" })
    expect(broken.take()).toMatchObject([{ type: "fail", usage: { outputTokens: 3 } }])
  })

  test("fails rather than hold back without limit", () => {
    const assembler = new Assembler(issuer)
    assembler.open(0, call("a"))
    assembler.open(1, call("b"))
    const piece = "x".repeat(MAX_WAITING_CHARS / 4)
    for (let count = 0; count < 5; count += 1) assembler.delta(1, args(piece))
    expect(assembler.take().at(-1)).toMatchObject({ type: "fail", failure: { kind: "protocol" } })
  })

  test("gives the same blocks however their deltas are interleaved", () => {
    const picks = fc.infiniteStream(fc.nat(1000))
    const check = fc.property(anyReply, picks, (reply, choose) => {
      const assembler = new Assembler(issuer)
      const waiting = reply.blocks.map((block, key) => {
        const deltas = [...unfold({ ...reply, blocks: [block] })].filter((event) => event.type === "delta")
        const open = [...unfold({ ...reply, blocks: [block] })].find((event) => event.type === "open")
        if (open?.type === "open") assembler.open(key, open.block)
        return { key, deltas }
      })
      while (waiting.length > 0) {
        const at = Number(choose.next().value) % waiting.length
        const one = waiting[at]
        const next = one?.deltas.shift()
        if (one !== undefined && next !== undefined) assembler.delta(one.key, next.delta)
        else if (one !== undefined) {
          assembler.close(one.key)
          waiting.splice(at, 1)
        }
      }
      assembler.end()
      expect(blocksOf(assembler)).toEqual(reply.blocks)
    })
    expectProperty(check, 200)
  })
})
