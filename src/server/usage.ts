/** `GET /v1/usage`: a caller's own calls, tokens and cost. */
import { RouterError } from "../errors.ts"
import type { CallerUsage, UsageFigures, UsageGrouping } from "../ledger/queries.ts"
import { authenticate } from "../pipeline/authenticate.ts"
import type { Gateway } from "../pipeline/gateway.ts"
import type { Incoming, Outgoing } from "../pipeline/message.ts"
import { limitsView } from "./limits-view.ts"
import { json } from "./plain.ts"

/** What the endpoint needs of the ledger. */
export interface UsageStore {
  usageOf(
    callerId: string,
    query: { readonly sinceMs: number; readonly groupBy: readonly UsageGrouping[] },
  ): Promise<CallerUsage>
}

const DAY_MS = 86_400_000
const DEFAULT_SINCE_MS = 30 * DAY_MS
const UNITS_MS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: DAY_MS }

export async function usage(request: Incoming, gateway: Gateway, store: UsageStore): Promise<Outgoing> {
  const now = gateway.clock.now()
  const { caller, tokenId } = authenticate(request.headers, gateway.snapshot, now)
  const query = new URL(request.target, "http://localhost").searchParams
  const sinceMs = sinceOf(query.get("since"), now)
  const groupBy = groupingOf(query.get("group_by"))
  const figures = await store.usageOf(caller.id, { sinceMs, groupBy })
  return json({
    object: "usage",
    caller: {
      id: caller.id,
      user: caller.user,
      project: caller.project,
      environment: caller.environment,
      token_id: tokenId,
    },
    ...(await limitsView(caller, gateway)),
    today: withUsd(figures.today),
    month: withUsd(figures.month),
    since: new Date(sinceMs).toISOString(),
    group_by: groupBy,
    data: figures.rows.map(withUsd),
    truncated: figures.truncated,
  })
}

/** Nano-USD are exact; USD are for people. */
function withUsd<F extends UsageFigures>(figures: F): F & { readonly cost_usd: number } {
  return { ...figures, cost_usd: figures.cost_nano_usd / 1e9 }
}

/** `7d`, `24h`, `90m`, or a date or time in ISO 8601. @throws RouterError `invalid-request` */
function sinceOf(text: string | null, now: number): number {
  if (text === null) return now - DEFAULT_SINCE_MS
  const span = /^(\d{1,6})([mhd])$/.exec(text)
  if (span !== null) return now - Number(span[1]) * (UNITS_MS[span[2] ?? ""] ?? 0)
  const at = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : Number.NaN
  if (Number.isNaN(at)) {
    throw new RouterError("invalid-request", { param: "since", message: "`since` must be like 7d, 24h or 2026-11-01." })
  }
  return at
}

/** @throws RouterError `invalid-request` */
function groupingOf(text: string | null): readonly UsageGrouping[] {
  const words = text === null || text === "" ? ["model", "day"] : text.split(",")
  return [...new Set(words)].map((word) => {
    if (word === "model" || word === "day") return word
    throw new RouterError("invalid-request", { param: "group_by", message: "`group_by` takes `model` and `day`." })
  })
}
