/** How long a target is waited for: its own words, else its provider's, else the server's. */
import type { Config, ProviderConfig, TargetConfig } from "../config.ts"

/** How long a target is waited for, in milliseconds; `Infinity`: without end. */
export interface Patience {
  /** Until the connection is made, TLS included. */
  readonly connectMs: number
  /** From then until the head of the answer. */
  readonly firstByteMs: number
  /** The longest silence of a stream. */
  readonly silenceMs: number
  /** The whole of a unary answer, from the beginning of the attempt. */
  readonly wholeMs: number
}

export function patienceOf(
  target: TargetConfig,
  provider: ProviderConfig,
  server: Config["server"]["upstream"],
): Patience {
  const wholeMs = provider.timeout_ms ?? server.timeout_ms
  // what is nearer counts: a provider's whole is nearer than the server's first byte
  const otherwise = provider.timeout_ms
  return {
    connectMs: boundOf(target.connect_timeout_ms ?? provider.connect_timeout_ms ?? server.connect_timeout_ms),
    firstByteMs: boundOf(
      target.first_byte_timeout_ms ??
        provider.first_byte_timeout_ms ??
        otherwise ??
        server.first_byte_timeout_ms ??
        wholeMs,
    ),
    silenceMs: boundOf(
      target.silence_timeout_ms ?? provider.silence_timeout_ms ?? otherwise ?? server.silence_timeout_ms ?? wholeMs,
    ),
    wholeMs: boundOf(wholeMs),
  }
}

/** `0` means no limit. */
export function boundOf(limit: number): number {
  return limit === 0 ? Infinity : limit
}
