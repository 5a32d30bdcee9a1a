import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { issuer, reasoning, text } from "../../test/laws/arbitraries.ts"
import type { ReasoningBlock } from "./block.ts"
import {
  ENVELOPE_PREFIX,
  isEnvelope,
  MAX_ENVELOPE_CHARS,
  openEnvelope,
  openSeal,
  originSeal,
  sealReasoning,
  sealFor,
  wrapReasoning,
} from "./seal.ts"
import { expectProperty } from "../../test/helpers/property.ts"

const messages = { dialect: "messages", form: "signature" } as const
const block: ReasoningBlock = {
  type: "reasoning",
  parts: [{ kind: "raw", text: "Denken… 🧠" }],
  seal: {
    issuer: { dialect: "responses", label: "k7" },
    form: "encrypted",
    payload: '{"encrypted_content":"gAAA+/="}',
  },
}

function envelopeOf(value: unknown): string {
  return (
    ENVELOPE_PREFIX +
    new TextEncoder().encode(JSON.stringify(value)).toBase64({ alphabet: "base64url", omitPadding: true })
  )
}

describe("an envelope", () => {
  test("gives back the whole block, in letters that fit everywhere", () => {
    expectProperty(
      fc.property(reasoning, (one) => {
        const envelope = wrapReasoning(one) ?? ""
        expect(envelope).toMatch(/^rtr1\.[A-Za-z0-9_-]+$/)
        expect(isEnvelope(envelope)).toBe(true)
        expect(openEnvelope(envelope)).toEqual(one)
        expect(openSeal(envelope, [{ kind: "raw", text: "shortened by the client" }], messages)).toEqual(one)
      }),
      200,
    )
  })

  test("is deterministic, as histories are cached by their bytes", () => {
    expect(wrapReasoning(block)).toBe(wrapReasoning(structuredClone(block)))
  })

  test("survives payloads that are no UTF-8", () => {
    const lone = {
      ...block,
      seal: { issuer: { dialect: "chat", label: null }, form: "details", payload: "\ud800" } as const,
    }
    expect(openEnvelope(wrapReasoning(lone) ?? "")).toEqual(lone)
  })

  test("is not made where it would be too long, or of nothing", () => {
    const payload = "x".repeat(MAX_ENVELOPE_CHARS)
    expect(
      wrapReasoning({ parts: [], seal: { ...originSeal({ dialect: "chat", label: null }), form: "details", payload } }),
    ).toBeNull()
    expect(wrapReasoning({ parts: block.parts, seal: null })).toBeNull()
  })

  test("never throws on hostile text, and never becomes somebody's payload", () => {
    const hostile = fc.oneof(fc.string(), text, fc.json().map(envelopeOf), fc.base64String())
    expectProperty(
      fc.property(hostile, fc.constantFrom("", ENVELOPE_PREFIX, "rtr2."), (tail, prefix) => {
        const opened = openSeal(prefix + tail, block.parts, messages)
        if (!isEnvelope(prefix + tail)) return
        expect(openEnvelope(prefix + tail)).toBeNull()
        expect(opened).toEqual({ type: "reasoning", parts: block.parts, seal: null })
      }),
    )
  })

  test.each([
    ["another shape", ["messages", null, "signature", "x"]],
    ["an unknown dialect", ["gemini", null, "signature", "x", []]],
    ["an unknown form", ["messages", null, "cookie", "x", []]],
    ["a label that is no text", ["messages", 7, "signature", "x", []]],
    ["an endless label", ["messages", "l".repeat(257), "signature", "x", []]],
    ["a payload of form none", ["messages", null, "none", "x", []]],
    ["a form without its payload", ["messages", null, "signature", "", []]],
    ["parts that are none", ["messages", null, "signature", "x", [["s", ""]]]],
    ["an object for parts", ["messages", null, "signature", "x", {}]],
  ])("with %s is ignored", (_name, value) => {
    expect(openEnvelope(envelopeOf(value))).toBeNull()
  })

  test("that was cut off is ignored", () => {
    const whole = wrapReasoning(block) ?? ""
    for (let length = 0; length < whole.length; length += 1) expect(openEnvelope(whole.slice(0, length))).toBeNull()
  })
})

describe("a seal", () => {
  test("goes only to its issuer", () => {
    expectProperty(
      fc.property(reasoning, issuer, (one, target) => {
        const given = sealFor(one, target)
        if (given === null) return
        expect(given).toBe(one.seal ?? given)
        expect(given.form).not.toBe("none")
        expect(given.issuer.dialect).toBe(target.dialect)
        expect(given.issuer.label === null || given.issuer.label === target.label).toBe(true)
      }),
    )
    expect(sealFor(block, { dialect: "responses", label: "k7" })).toBe(block.seal)
    expect(sealFor(block, { dialect: "responses", label: "other" })).toBeNull()
    expect(sealFor(block, { dialect: "messages", label: "k7" })).toBeNull()
  })

  test("shows the mark of its issuer in place of the label, and old envelopes still open", () => {
    const marked = { dialect: "responses", label: "k7", mark: () => "secret-mark" } as const
    const wrapped =
      wrapReasoning({ ...block, seal: block.seal === null ? null : { ...block.seal, issuer: marked } }) ?? ""
    const opened = openEnvelope(wrapped)
    expect(opened?.seal?.issuer.label).toBe("secret-mark")
    expect(opened === null ? null : sealFor(opened, marked)).not.toBeNull()
    const early = openEnvelope(wrapReasoning(block) ?? "")
    expect(early === null ? null : sealFor(early, marked)).not.toBeNull()
    expect(opened === null ? null : sealFor(opened, { ...marked, mark: () => "of another installation" })).toBeNull()
  })

  test("from the client's own dialect is native, with an unknown label", () => {
    const read = openSeal("EqRkC…", block.parts, messages)
    expect(read.seal).toEqual({ issuer: { dialect: "messages", label: null }, form: "signature", payload: "EqRkC…" })
    expect(sealFor(read, { dialect: "messages", label: "k1" })).toBe(read.seal)
    expect(openSeal("", block.parts, messages).seal).toBeNull()
  })

  test("of origin is added only where there is none", () => {
    const plain: ReasoningBlock = { ...block, seal: null }
    expect(sealReasoning(plain, { dialect: "chat", label: "k" }).seal).toEqual(
      originSeal({ dialect: "chat", label: "k" }),
    )
    expect(sealReasoning(block, { dialect: "chat", label: "k" })).toBe(block)
  })
})
