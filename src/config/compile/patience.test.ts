import { expect, test } from "bun:test"
import type { Config, ProviderConfig, TargetConfig } from "../config.ts"
import { patienceOf } from "./patience.ts"

type Server = Config["server"]["upstream"]

function patience(target: Partial<TargetConfig>, provider: Partial<ProviderConfig>, server: Partial<Server>) {
  const base = { timeout_ms: 600_000, connect_timeout_ms: 10_000 }
  return patienceOf(target as TargetConfig, provider as ProviderConfig, { ...base, ...server } as Server)
}

test("where nothing is said, a connection has ten seconds and everything else the time of the whole", () => {
  expect(patience({}, {}, {})).toEqual({
    connectMs: 10_000,
    firstByteMs: 600_000,
    silenceMs: 600_000,
    wholeMs: 600_000,
  })
})

test("what is nearer counts: the target, then its provider, then the server", () => {
  const server = { first_byte_timeout_ms: 1, silence_timeout_ms: 2, connect_timeout_ms: 3, timeout_ms: 4 }
  expect(patience({}, {}, server)).toEqual({ firstByteMs: 1, silenceMs: 2, connectMs: 3, wholeMs: 4 })
  const provider = { first_byte_timeout_ms: 11, silence_timeout_ms: 12, connect_timeout_ms: 13, timeout_ms: 14 }
  expect(patience({}, provider, server)).toEqual({ firstByteMs: 11, silenceMs: 12, connectMs: 13, wholeMs: 14 })
  const target = { first_byte_timeout_ms: 21, silence_timeout_ms: 22, connect_timeout_ms: 23, timeout_ms: 24 }
  // a target's `timeout_ms` is the time of an attempt
  expect(patience(target, provider, server)).toEqual({ firstByteMs: 21, silenceMs: 22, connectMs: 23, wholeMs: 14 })
  expect(patience({}, { timeout_ms: 14 }, server)).toEqual({
    firstByteMs: 14,
    silenceMs: 14,
    connectMs: 3,
    wholeMs: 14,
  })
})

test("0 is no limit", () => {
  const none = { first_byte_timeout_ms: 0, silence_timeout_ms: 0, connect_timeout_ms: 0, timeout_ms: 0 }
  const endless = { firstByteMs: Infinity, silenceMs: Infinity, connectMs: Infinity, wholeMs: Infinity }
  expect(patience({}, {}, none)).toEqual(endless)
})
