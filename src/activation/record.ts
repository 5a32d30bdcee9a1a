/** What one check of one target showed. Never holds content of calls or answers, keys or addresses. */
import type { DialectName } from "../dialects/name.ts"
import type { Capability } from "./capabilities.ts"

export interface ActivationRecord {
  /** `providers.<name>`. */
  readonly provider: string
  /** The upstream's own id of the model. */
  readonly model: string
  /** The group that the check went through; null: it asked the upstream directly, which tells of every group. */
  readonly group: string | null
  /** The dialect that the check spoke: the client's where it went through a group, else the target's. */
  readonly dialect: DialectName
  readonly capability: Capability
  readonly result: "pass" | "fail"
  /** Unix milliseconds. */
  readonly checkedAtMs: number
  /** Unix milliseconds from which it proves nothing. */
  readonly expiresAtMs: number
  /** Of all that the result depends on (`fingerprint.ts`). */
  readonly fingerprint: string
  /** `traffic`: calls of clients showed it; `import`: it was made elsewhere, and its signature was trusted. */
  readonly source: "validate" | "traffic" | "import"
  /** The public key that signed an imported one, as `trust` of a group names it. */
  readonly signer?: string | undefined
  readonly evidence: Evidence
}

export interface Evidence {
  /** Of the upstream and of the router; at most 20, each at most 200 characters. */
  readonly requestIds: readonly string[]
  /** Tokens, bytes, calls and the like, and `cost_nano_usd` of the check, where it is known. Whole numbers of at least 0. */
  readonly counters: Readonly<Record<string, number>>
  /** Milliseconds, by what they measure. */
  readonly timings: Readonly<Record<string, number>>
  /** SHA-256 of what was asked, in hex; null: nothing was. */
  readonly askedHash: string | null
  /** Why it failed, or what made the record, in words of the router's own; at most 300 characters. */
  readonly reason: string | null
}

/** How long a record holds where the group does not say: 7 days. */
export const USUAL_LIFE_MS: number = 7 * 24 * 60 * 60 * 1000
