/** `verifier_hints`: what a caller says about how its answer can be verified reaches the policy service, when it is in order. */
import { afterAll, beforeAll, expect, test } from "bun:test"
import { reply } from "../../helpers/behaviours.ts"
import { bodyText, FakeUpstream } from "../../helpers/fake-upstream.ts"
import { ALL_SAMPLES, SAMPLES } from "../../helpers/samples.ts"
import { startWith, type Scripted } from "../../helpers/scripted.ts"
import { drawn } from "../../helpers/sample.ts"

type Json = Readonly<Record<string, unknown>>

let service: FakeUpstream
let router: Scripted
let silent: Scripted

beforeAll(async () => {
  service = (await FakeUpstream.start()).otherwise(reply('{"targetIndex":1}'))
  const start = (hints: object) =>
    startWith(() => ({
      strategy: "external",
      external_policy: { url: `${service.url}/decide`, allow_hosts: ["127.0.0.1"], timeout_ms: 2000, ...hints },
    }))
  const kinds = ["none", "exact", "regex", "json_schema"]
  router = await start({
    verifier_hints: { enabled: true, allowed_kinds: kinds, max_spec_bytes: 40, max_version_len: 8 },
  })
  silent = await start({ verifier_hints: { enabled: false, allowed_kinds: kinds } })
})

afterAll(async () => {
  await router[Symbol.asyncDispose]()
  await silent[Symbol.asyncDispose]()
  await service.stop()
})

/** What the service was told of a call with this metadata. */
async function told(through: Scripted, metadata: unknown, sample = SAMPLES.chat): Promise<Json> {
  const before = service.exchanges.length
  const { status } = await through.gateway.call(sample.dialect, sample.request({ extra: { metadata } }))
  expect(status).toBe(200)
  const { verifierHint, verifierHintRejected } = JSON.parse(bodyText(service.exchanges[before]!.request)) as Json
  return JSON.parse(JSON.stringify({ verifierHint, verifierHintRejected })) as Json
}

const FINE: readonly Json[] = [
  { kind: "none" },
  { kind: "exact", spec: "Paris" },
  { kind: "exact", spec: "" },
  { kind: "regex", spec: "^(Par|Lond)", version: "v1.2" },
  { kind: "json_schema", spec: '{"type":"object"}', version: "a" },
  { kind: "exact", spec: "ä".repeat(20) },
]

for (const sample of drawn(ALL_SAMPLES)) {
  test(`${sample.dialect}: hints that are in order arrive as they were said`, async () => {
    for (const hint of FINE) {
      const { kind, spec, version } = hint
      const metadata = { other: "x", verifier_kind: kind, verifier_spec: spec, verifier_version: version }
      expect(await told(router, metadata, sample)).toEqual({ verifierHint: hint })
    }
  })
}

test("what is not in order is not passed on, and the service knows which part", async () => {
  const wrong: readonly (readonly [Json, string])[] = [
    [{ verifier_kind: "python", verifier_spec: "import os" }, "kind"],
    [{ verifier_kind: 7, verifier_spec: "x" }, "kind"],
    [{ verifier_spec: "x" }, "kind"],
    [{ verifier_kind: "toString", verifier_spec: "x" }, "kind"],
    [{ verifier_kind: "none", verifier_spec: "x" }, "spec"],
    [{ verifier_kind: "exact" }, "spec"],
    [{ verifier_kind: "exact", verifier_spec: { a: 1 } }, "spec"],
    [{ verifier_kind: "exact", verifier_spec: "x".repeat(41) }, "spec"],
    [{ verifier_kind: "exact", verifier_spec: "ä".repeat(21) }, "spec"],
    [{ verifier_kind: "regex", verifier_spec: "(" }, "spec"],
    [{ verifier_kind: "json_schema", verifier_spec: "[]" }, "spec"],
    [{ verifier_kind: "json_schema", verifier_spec: "{" }, "spec"],
    [{ verifier_kind: "exact", verifier_spec: "x", verifier_version: "too-long-x" }, "version"],
    [{ verifier_kind: "exact", verifier_spec: "x", verifier_version: "a b" }, "version"],
    [{ verifier_kind: "exact", verifier_spec: "x", verifier_version: "" }, "version"],
    [{ verifier_kind: "exact", verifier_spec: "x", verifier_version: null }, "version"],
  ]
  for (const [metadata, part] of wrong)
    expect([metadata, await told(router, metadata)]).toEqual([metadata, { verifierHintRejected: part }])
})

test("calls without hints, and groups that pass none on", async () => {
  for (const metadata of [{}, null, "verifier_kind", [], { verifier: "x" }])
    expect(await told(router, metadata)).toEqual({})
  expect(await told(silent, { verifier_kind: "exact", verifier_spec: "Paris" })).toEqual({})
})
