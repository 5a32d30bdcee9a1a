/** A configuration that promises stored content, or sealed content, keeps the promise or is refused. */
import { describe, expect, test } from "bun:test"
import { errorsOf, KEYS, loadText, SMALLEST } from "../../../test/helpers/load-text.ts"
import { captureRule, captureSettings } from "../compile/capture-rule.ts"
import type { ContentCapture } from "../config.ts"

const KEY = "c21hcnQtcm91dGVyIHRlc3Qga2V5IG9mIDMyIGJ5dGU="
const HEX = "0f".repeat(32)
const CAPTURE = `capture_request: true, encryption: { local_key_id: k1, local_key: "${KEY}" }`

const server = (block: string): string => SMALLEST.replace("  listen:", `  content_capture: { ${block} }\n  listen:`)
const group = (yaml: string, block: string): string =>
  yaml.replace("strategy: static", `strategy: static\n    content_capture: { ${block} }`)
const caller = (yaml: string, block: string): string => yaml.replace("allow:", `content_capture: { ${block} }, allow:`)

function refusals(yaml: string, env: Readonly<Record<string, string>> = {}): string[] {
  return errorsOf(loadText(yaml, { env: { ...KEYS, ...env } })).map(({ path, code }) => `${code} ${path}`)
}

describe("what is refused", () => {
  const HERE = "server.content_capture"
  const cases: Readonly<Record<string, readonly [yaml: string, ...found: string[]]>> = {
    "capture without a key": [server("enabled: true, capture_request: true"), `missing-key ${HERE}`],
    "a group's capture without a server's": [
      group(SMALLEST, "enabled: true, capture_request: true"),
      "invalid-value models.default.content_capture.enabled",
    ],
    "a caller's capture without a key": [
      caller(server("capture_request: true"), "enabled: true"),
      `missing-key ${HERE}`,
      "invalid-value callers[0].content_capture.enabled",
    ],
    "a key that is too short": [
      server(`${CAPTURE.replace(KEY, "c2hvcnQ=")}, enabled: true`),
      `invalid-value ${HERE}.encryption.local_key`,
    ],
    "encryption that is switched off": [
      server(`enabled: true, ${CAPTURE.replace("local_key_id", "enabled: false, local_key_id")}`),
      `invalid-value ${HERE}.encryption.enabled`,
    ],
    "a block that names nothing": [
      server(`enabled: true, ${CAPTURE.replace("capture_request: true, ", "")}`),
      `no-effect ${HERE}.enabled`,
    ],
    "a group's block that names nothing": [
      group(server(CAPTURE), "enabled: true, capture_request: false"),
      "no-effect models.default.content_capture.enabled",
    ],
    "redaction that is switched off": [
      group(server(CAPTURE), "enabled: true, redact_before_storage: false"),
      "invalid-value models.default.content_capture.redact_before_storage",
    ],
    "headers with credentials": [
      server(`${CAPTURE}, capture_headers_allowlist: [x-team, X-Api-Key]`),
      `invalid-value ${HERE}.capture_headers_allowlist[1]`,
    ],
    "an expression that is none": [
      server(`${CAPTURE}, redaction_patterns: ["a(b"]`),
      `invalid-value ${HERE}.redaction_patterns[0]`,
    ],
    "an old key under the label of the new one": [
      server(
        CAPTURE.replace("local_key_id", `previous_keys: [{ local_key_id: k1, local_key: "${HEX}" }], local_key_id`),
      ),
      `duplicate-id ${HERE}.encryption.previous_keys[0].local_key_id`,
    ],
    "a key of its own for a group": [
      group(server(CAPTURE), "enabled: true, encryption: { enabled: false }"),
      "unknown-key models.default.content_capture.encryption",
    ],
    "more than an answer can hold": [
      server(`${CAPTURE}, max_capture_bytes: 1048577`),
      `invalid-value ${HERE}.max_capture_bytes`,
    ],
  }
  test.each(Object.entries(cases))("%s", (_, [yaml, ...found]) => {
    expect(refusals(yaml)).toEqual(found)
  })
})

describe("what is taken", () => {
  test("a key in base64, in hexadecimal digits, or from its variable, which is masked", () => {
    expect(refusals(server(`enabled: true, ${CAPTURE}`))).toEqual([])
    expect(refusals(server(`enabled: true, ${CAPTURE.replace(KEY, HEX)}`))).toEqual([])
    const bare = server("enabled: true, capture_request: true")
    const loaded = loadText(bare, { env: { ...KEYS, CONTENT_CAPTURE_LOCAL_KEY: HEX } })
    expect([errorsOf(loaded), loaded.secrets.includes(HEX)]).toEqual([[], true])
    expect(captureSettings(loaded.config!)?.key).toEqual({ id: "local", bytes: new Uint8Array(32).fill(15) })
  })

  test("blocks that are switched off, without a key", () => {
    expect(refusals(group(server("enabled: false, capture_request: true"), "enabled: false"))).toEqual([])
  })
})

describe("what holds for a call", () => {
  const base = loadText(server(CAPTURE), { env: KEYS }).config!.server.content_capture as ContentCapture
  const on: ContentCapture = { ...base, enabled: true }

  test("is stored where somebody says yes and nobody says no", () => {
    const yes = { enabled: true }
    const no = { enabled: false }
    expect([captureRule(base, null, null), captureRule(on, no, yes), captureRule(on, yes, no)]).toEqual([
      null,
      null,
      null,
    ])
    for (const rule of [captureRule(on, null, null), captureRule(base, yes, null), captureRule(base, null, yes)])
      expect(rule).toMatchObject({ request: true, answer: false, maxBytes: 65_536, retentionMs: 30 * 86_400_000 })
  })

  test("is what the caller says, else the group, else the server; expressions add up", () => {
    const rule = captureRule(
      { ...on, redaction_patterns: ["(?i)one"] },
      { max_capture_bytes: 10, retention_days: 3, redaction_patterns: ["two"] },
      { max_capture_bytes: 20, capture_request: false, capture_headers_allowlist: ["X-Team"] },
    )
    expect(rule).toMatchObject({ request: false, maxBytes: 20, retentionMs: 3 * 86_400_000, headers: ["x-team"] })
    expect(rule?.patterns).toEqual(["(?i)one", "two"])
  })
})
