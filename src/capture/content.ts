/** The content of one call that is to be stored, as it was when the call ended. */
import type { CaptureRule } from "../config/compile/capture-rule.ts"

export interface Content {
  readonly requestId: string
  /** Unix milliseconds. */
  readonly ts: number
  readonly callerId: string
  readonly project: string
  readonly environment: string
  readonly group: string
  readonly rule: CaptureRule
  readonly parts: readonly ContentPart[]
}

export interface ContentPart {
  readonly name: string
  /** `json` may turn out to be none. */
  readonly form: "json" | "events"
  /** They stay as they are. */
  readonly bytes: Uint8Array
  /** Of the whole body; more than `bytes` where these are its beginning. */
  readonly totalBytes: number
}

/** About the memory that content takes beside its bytes. */
const FIXED_BYTES = 512

export function sizeOf({ parts }: Content): number {
  return parts.reduce((sum, { bytes }) => sum + bytes.length, FIXED_BYTES)
}
