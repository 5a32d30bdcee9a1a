/** What has become of a response that is made in the background. https://platform.openai.com/docs/guides/background */
import type { AnswerFacts } from "../dialect.ts"
import { asString, asToken, parseBytes } from "../loose.ts"
import { stopReasonOf } from "./judge.ts"
import { readResponsesUsage } from "./usage.ts"

export interface BackgroundState {
  /** Nothing more will be made. */
  readonly isOver: boolean
  /** By a failure that the provider reports. */
  readonly isFailed: boolean
  readonly facts: AnswerFacts
}

const OVER: ReadonlySet<string> = new Set(["completed", "incomplete", "cancelled", "failed"])

/** Null: the bytes are no response. */
export function readBackground(bytes: Uint8Array): BackgroundState | null {
  const body = parseBytes(bytes)
  const status = asString(body?.["status"])
  if (body === null || status === null) return null
  const usage = readResponsesUsage(body["usage"], body)
  return {
    isOver: OVER.has(status),
    isFailed: status === "failed",
    facts: { usage, stopReason: stopReasonOf(body), serviceTier: asToken(body["service_tier"]) },
  }
}
