/** Records that move are those that were signed, by whom the operator trusts. */
import { describe, expect, test } from "bun:test"
import type { ActivationRecord } from "./record.ts"
import { newKey, recordsIn, SignedFileRefused, signedFile } from "./signed-file.ts"

const NOW = Date.UTC(2027, 0, 1)
const record = (parts: Partial<ActivationRecord> = {}): ActivationRecord => ({
  provider: "alpha",
  model: "m-1",
  group: null,
  dialect: "openai-chat",
  capability: "tools",
  result: "pass",
  checkedAtMs: NOW,
  expiresAtMs: NOW + 1,
  fingerprint: "a".repeat(64),
  source: "validate",
  evidence: { requestIds: ["r"], counters: { calls: 1 }, timings: {}, askedHash: null, reason: null },
  ...parts,
})
const { privatePem, publicName } = newKey()
const file = signedFile(
  [record(), record({ source: "traffic" }), record({ source: "import", signer: publicName })],
  privatePem,
)
const trusting = (name: string): boolean => name === publicName

test("comes back as imported, with its signer; what calls showed and what was imported stays at home", () => {
  expect(recordsIn(file, trusting, NOW)).toEqual([record({ source: "import", signer: publicName })])
  expect(file).not.toContain("PRIVATE")
})

function changed(change: (value: Record<string, string>) => void): string {
  const value = JSON.parse(file) as Record<string, string>
  change(value)
  return JSON.stringify(value)
}

describe("is refused", () => {
  const cases: readonly (readonly [string, string, RegExp])[] = [
    ["of a signer who is not trusted", signedFile([record()], newKey().privatePem), /activation\.trust/],
    [
      "with a changed record",
      changed((all) => (all["records"] = all["records"]!.replace("pass", "fail"))),
      /signature/,
    ],
    ["with another's signature", changed((all) => (all["signature"] = "A".repeat(86))), /signature/],
    ["of another format", changed((all) => (all["format"] = "x")), /no file of activation records/],
    ["with a further member", changed((all) => (all["more"] = "x")), /no file of activation records/],
    ["that is cut", file.slice(0, 100), /not JSON/],
    ["that is empty", "", /not JSON/],
    ["of the future", signedFile([record({ checkedAtMs: NOW + 172_800_000 })], privatePem), /future/],
    [
      "with a capability that is none",
      signedFile([record({ capability: "telepathy" as "tools" })], privatePem),
      /records cannot be read/,
    ],
  ]
  test.each(cases)("a file %s", (_, text, message) => {
    expect(() => recordsIn(text, trusting, NOW)).toThrow(SignedFileRefused)
    expect(() => recordsIn(text, trusting, NOW)).toThrow(message)
  })

  test("a key that is none", () => {
    expect(() => signedFile([], "no key")).toThrow(/Ed25519/)
  })
})
