import { expect, test } from "bun:test"
import { wrapReasoning } from "../canonical/seal.ts"
import { scanObject } from "../json/scan.ts"
import { holdsEnvelope } from "./translate.ts"

const ENVELOPE = wrapReasoning({
  parts: [],
  seal: { issuer: { dialect: "chat", label: "x" }, form: "none", payload: "p" },
})

function holds(block: unknown, write: (text: string) => string = (text) => text): boolean {
  return holdsEnvelope(scanObject(Buffer.from(write(JSON.stringify({ messages: [{ content: [block] }] }))), 512))
}

const PLACES: readonly object[] = [
  { type: "thinking", thinking: "x", signature: ENVELOPE },
  { type: "redacted_thinking", data: ENVELOPE },
  { type: "reasoning", encrypted_content: ENVELOPE },
  { reasoning_details: [{ type: "reasoning.encrypted", data: ENVELOPE }] },
]

test.each(PLACES.map((place) => [place] as const))("an envelope is found in %j", (place) => {
  expect(holds(place)).toBe(true)
  expect(holds(place, (text) => text.replace("signature", String.raw`sign\u0061ture`))).toBe(true)
  expect(holds(place, (text) => text.replace("redacted_thinking", String.raw`redacted_thin\u006bing`))).toBe(true)
})

test("a vendor's own seal is none, and neither is a text that begins like one", () => {
  expect(holds({ type: "thinking", thinking: "x", signature: "abc" })).toBe(false)
  expect(holds({ type: "text", text: ENVELOPE })).toBe(false)
})
