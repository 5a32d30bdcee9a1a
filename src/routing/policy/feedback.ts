/** Tells a policy service how calls ended. Beside the calls: a bounded queue, few at a time, and nobody waits for it. */
import type { FeedbackSettings, PolicyHttp } from "../../config/compile/policy-settings.ts"
import type { Timers } from "../../system/clock.ts"
import type { Log } from "../../system/log.ts"
import type { PolicyClient } from "./http.ts"

/** What is known when the decision was made. */
export interface FeedbackTicket {
  readonly settings: FeedbackSettings
  readonly rules: PolicyHttp
  /** Fields of the report, as JSON. */
  readonly decision: Readonly<Record<string, unknown>>
}

/** How the call ended; never its content. */
export interface FeedbackOutcome {
  readonly requestId: string
  readonly status: number
  readonly error: string | null
  readonly provider: string | null
  readonly model: string | null
  readonly attempts: number
  readonly fallbackUsed: boolean
  readonly stream: boolean
  readonly latencyMs: number
  readonly ttfbMs: number | null
  readonly inputTokens: number | null
  readonly cachedInputTokens: number | null
  readonly outputTokens: number | null
  readonly reasoningTokens: number | null
  /** Whole nano-USD; null: unknown. */
  readonly costNanoUsd: number | null
  readonly stopReason: string | null
}

export const FEEDBACK_SCHEMA = "external_policy.feedback.v1"
const MOST_WAITING = 1000
const AT_ONCE = 4
const LOG_EVERY = 100

interface Report {
  readonly ticket: FeedbackTicket
  readonly body: Uint8Array
}

export class FeedbackQueue {
  private readonly client: PolicyClient
  private readonly log: Log
  private readonly timers: Pick<Timers, "sleep">
  private readonly waiting: Report[] = []
  private active = 0
  private failures = 0
  private stopped = false

  constructor(client: PolicyClient, log: Log, timers: Pick<Timers, "sleep">) {
    this.client = client
    this.log = log
    this.timers = timers
  }

  report(ticket: FeedbackTicket, outcome: FeedbackOutcome): void {
    if (this.stopped) return
    const body = Buffer.from(JSON.stringify({ schema: FEEDBACK_SCHEMA, ...ticket.decision, ...outcome }))
    if (body.length > ticket.settings.maxRequestBytes) return this.lost(ticket, "too large")
    if (this.waiting.length >= MOST_WAITING) return this.lost(ticket, "the queue is full")
    this.waiting.push({ ticket, body })
    if (this.active < AT_ONCE) void this.work()
  }

  /** What waits is dropped. */
  stop(): void {
    this.stopped = true
    this.waiting.length = 0
  }

  private async work(): Promise<void> {
    this.active++
    for (let next = this.waiting.shift(); next !== undefined; next = this.waiting.shift()) await this.deliver(next)
    this.active--
  }

  private async deliver({ ticket, body }: Report): Promise<void> {
    const { settings, rules } = ticket
    for (let tries = 0; !this.stopped; tries++) {
      const answer = await this.client.send({
        url: settings.url,
        method: "POST",
        headers: { "content-type": "application/json" },
        body,
        rules,
        timeoutMs: settings.timeoutMs,
        keepMethod: true,
      })
      if (answer.kind === "answer" && answer.status >= 200 && answer.status < 300) return
      const reason = answer.kind === "fault" ? answer.fault : `status ${answer.status}`
      if (tries >= settings.maxRetries || !isWorthARetry(answer)) return this.lost(ticket, reason)
      await this.timers.sleep(settings.retryBackoffMs * (tries + 1))
    }
  }

  /** The first, and then now and then: a service that is down must not fill the log. */
  private lost({ settings }: FeedbackTicket, reason: string): void {
    if (!settings.logFailures) return
    if (this.failures++ % LOG_EVERY === 0)
      this.log.warn("feedback to a policy service is lost", { reason, lost_so_far: this.failures })
  }
}

function isWorthARetry(answer: Awaited<ReturnType<PolicyClient["send"]>>): boolean {
  if (answer.kind === "fault") return answer.fault === "timeout" || answer.fault === "network"
  return answer.status === 429 || answer.status >= 500
}
