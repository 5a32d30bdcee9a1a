/** `activation` of a group, worked out once per load. */
import type { ActivationConfig } from "../config.ts"

export interface ActivationRule {
  readonly mode: "observe" | "required"
  /** Checks are due that are so old; null: none is made. */
  readonly revalidateMs: number | null
  readonly expiresAfterMs: number
  /** Of checks in a day. */
  readonly maxNanoUsdPerDay: number
  /** Public keys whose records count. */
  readonly trust: ReadonlySet<string>
}

/** Null: nothing is asked of targets. */
export function activationRule(entry: ActivationConfig): ActivationRule | null {
  const { mode } = entry
  if (mode === "off") return null
  return {
    mode,
    revalidateMs: entry.revalidate ?? null,
    expiresAfterMs: entry.expires_after,
    maxNanoUsdPerDay: Math.round(entry.max_usd_per_day * 1e9),
    trust: new Set(entry.trust),
  }
}
