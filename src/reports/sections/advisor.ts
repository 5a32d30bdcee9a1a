/** Reads what shaping and providers did to calls and says what to look at. It changes nothing. */
import { detailTable, newestNote, newestOf, quantile } from "../details.ts"
import { columnOf } from "../figure-makers.ts"
import type { Asked, Column, SectionDefinition, Sources } from "../section.ts"

/** From where on something is worth a finding; printed beside each. */
export const THRESHOLDS = {
  /** Fewer calls prove nothing. */
  leastEvents: 10,
  refusedPercent: 50,
  shortWaitMs: 1000,
  longWaitMs: 3000,
  rateLimitedPercent: 5,
  rejectedPercent: 20,
} as const

interface Finding {
  readonly finding: string
  readonly subject: string
  readonly evidence: string
  readonly threshold: string
  readonly look: string
  /** Sorts. */
  readonly events: number
}

interface Shaped {
  readonly caller: string
  readonly client: string
  readonly bucket: string
  readonly queued: number
  readonly refused: number
  readonly wait_p50_ms: number | null
  readonly wait_p95_ms: number | null
  readonly wait_max_ms: number | null
  readonly retry_after_max_ms: number | null
  readonly streams: number
}

interface Tried {
  readonly provider: string
  readonly model: string
  readonly attempts: number
  readonly rate_limited: number
  readonly rejected: number
  readonly server_errors: number
  readonly timeouts: number
  readonly fallbacks: number
  readonly users: number
  readonly clients: number
}

const COLUMNS: readonly Column[] = [
  columnOf("finding", "text", "Finding", "The class of the finding."),
  columnOf("subject", "text", "Where", "Whom or what it is about."),
  columnOf("evidence", "text", "Figures", "The figures behind the finding."),
  columnOf("threshold", "text", "Because", "The threshold that was crossed."),
  columnOf("look", "text", "Look at", "The keys of the configuration to look at."),
  { ...columnOf("events", "count", "Events", "How many calls or attempts it is about."), bar: true },
]

export const ADVISOR: SectionDefinition = {
  id: "advisor",
  title: "Advisor",
  about: "Hints for the configuration from queues, bursts and providers' refusals. Read-only, by fixed thresholds.",
  takesBy: false,
  reads: ["usage_diagnostics"],
  build: async (asked, sources) => {
    const [shaped, tried] = await Promise.all([shapedCalls(asked, sources), triedTargets(asked, sources)])
    const found = [...shaped.flatMap(adviceOnCaller), ...tried.flatMap(adviceOnTarget)]
    const findings =
      found.length === 0 ? [nothing(shaped, tried)] : found.toSorted((one, other) => other.events - one.events)
    const rows = findings.map((finding): Record<string, string | number> => ({ ...finding }))
    return {
      tables: [
        detailTable(
          { id: "findings", title: "Findings", columns: COLUMNS, empty: "", notes: [], top: asked.top },
          rows,
        ),
      ],
      charts: [],
      notes: [newestNote(asked, "shaping events and attempts"), "Nothing is changed by this report."],
    }
  },
}

async function shapedCalls(asked: Asked, { rows }: Sources): Promise<readonly Shaped[]> {
  const newest = newestOf(asked, "request_traffic_shape_events", [
    "d.bucket AS bucket",
    "d.decision AS decision",
    "d.queue_wait_ms AS queue_wait_ms",
    "d.retry_after_ms AS retry_after_ms",
    "u.caller_id AS caller",
    "u.client AS client",
    "u.stream AS stream",
  ])
  const only = "decision = 'queued'"
  const sql = `SELECT caller, client, bucket, sum(CASE WHEN decision = 'queued' THEN 1 ELSE 0 END) AS queued,
      sum(CASE WHEN decision = 'refused' THEN 1 ELSE 0 END) AS refused,
      ${quantile("queue_wait_ms", 50, only)} AS wait_p50_ms, ${quantile("queue_wait_ms", 95, only)} AS wait_p95_ms,
      MAX(queue_wait_ms) AS wait_max_ms, MAX(retry_after_ms) AS retry_after_max_ms, CAST(sum(stream) AS BIGINT) AS streams
    FROM (SELECT e.*, ROW_NUMBER() OVER (PARTITION BY caller, client, bucket, decision ORDER BY queue_wait_ms) AS place,
        COUNT(*) OVER (PARTITION BY caller, client, bucket, decision) AS places FROM ${newest.sql} AS e) AS ranked
    GROUP BY caller, client, bucket ORDER BY caller, client, bucket`
  return (await rows<Shaped>(sql, newest.parameters)) ?? []
}

function count(condition: string): string {
  return `sum(CASE WHEN ${condition} THEN 1 ELSE 0 END)`
}

async function triedTargets(asked: Asked, { rows }: Sources): Promise<readonly Tried[]> {
  const newest = newestOf(asked, "request_attempts", [
    "d.provider AS provider",
    "d.model AS model",
    "d.status_code AS status_code",
    "d.timed_out AS timed_out",
    "d.selected AS selected",
    "d.fallback_reason AS fallback_reason",
    "u.caller_user AS user_name",
    "u.client AS client",
  ])
  const sql = `SELECT provider, model, count(*) AS attempts, ${count("status_code = 429")} AS rate_limited,
      ${count("status_code IN (400, 404, 415, 422)")} AS rejected, ${count("status_code >= 500")} AS server_errors,
      ${count("timed_out = 1")} AS timeouts, ${count("fallback_reason IS NOT NULL")} AS fallbacks,
      count(DISTINCT CASE WHEN selected = 0 THEN user_name END) AS users,
      count(DISTINCT CASE WHEN selected = 0 THEN client END) AS clients
    FROM ${newest.sql} AS e GROUP BY provider, model ORDER BY provider, model`
  return (await rows<Tried>(sql, newest.parameters)) ?? []
}

function adviceOnCaller(shaped: Shaped): Finding[] {
  const {
    queued,
    refused,
    wait_p50_ms: p50,
    wait_p95_ms: p95,
    wait_max_ms: longest,
    retry_after_max_ms: retry,
  } = shaped
  const { leastEvents, refusedPercent, shortWaitMs, longWaitMs } = THRESHOLDS
  const events = queued + refused
  if (events < leastEvents) return []
  const evidence = `${queued} queued (p50 ${ms(p50)}, p95 ${ms(p95)}, longest ${ms(longest)}), ${refused} refused (longest retry-after ${ms(retry)})`
  const about = { subject: `${shaped.caller} with ${shaped.client}, ${shaped.bucket}`, evidence, events }
  const key = "callers[].traffic_shape"
  if (queued === 0)
    return [
      {
        ...about,
        finding: "enable_queue",
        threshold: `${leastEvents} or more refused, none queued`,
        look: `${key}.queue.enabled, .queue.max_wait_ms`,
      },
    ]
  const findings: Finding[] = []
  if (shaped.streams * 2 > events && (p95 ?? 0) >= longWaitMs)
    findings.push({
      ...about,
      finding: "disable_queue_for_latency_sensitive_client",
      threshold: `most calls are streams, and the p95 of their waits is ${longWaitMs} ms or more`,
      look: `${key}.queue.enabled, .queue.max_wait_ms`,
    })
  else if (refused * 100 >= events * refusedPercent)
    findings.push({
      ...about,
      finding: "increase_queue_depth",
      threshold: `${refusedPercent} % or more of them refused, although there is a queue`,
      look: `${key}.queue.max_depth, .queue.max_wait_ms`,
    })
  if ((p95 ?? Infinity) <= shortWaitMs && refused * 100 < events * refusedPercent)
    findings.push({
      ...about,
      finding: "increase_caller_burst",
      threshold: `the p95 of their waits is ${shortWaitMs} ms or less: a larger burst lets them pass at once`,
      look: `${key}.request_burst, .input_token_burst, .total_reserved_token_burst`,
    })
  return findings
}

function adviceOnTarget(tried: Tried): Finding[] {
  const { provider, model, attempts, rate_limited: limited, rejected, fallbacks } = tried
  const { leastEvents, rateLimitedPercent, rejectedPercent } = THRESHOLDS
  const rate = `${((100 * fallbacks) / attempts).toFixed(1)} % fell back`
  const evidence = `${attempts} attempts: ${rejected} rejected (400, 404, 415, 422), ${limited} with 429, ${tried.server_errors} with 5xx, ${tried.timeouts} timed out; ${rate}; ${tried.users} users and ${tried.clients} clients met it`
  const about = { subject: `${provider} / ${model}`, evidence }
  const findings: Finding[] = []
  if (limited >= leastEvents && limited * 100 >= attempts * rateLimitedPercent)
    findings.push({
      ...about,
      finding: "investigate_provider_429_capacity",
      threshold: `${leastEvents} or more, and ${rateLimitedPercent} % or more, answered with 429`,
      look: `providers.${provider}.traffic_shape, the limits of the provider's account`,
      events: limited,
    })
  if (rejected >= leastEvents && rejected * 100 >= attempts * rejectedPercent)
    findings.push({
      ...about,
      finding: "route_around_incompatible_target",
      threshold: `${leastEvents} or more, and ${rejectedPercent} % or more, rejected the request`,
      look: `providers.${provider}.models.*.tool_support, .request_shape_support, .accepts`,
      events: rejected,
    })
  return findings
}

function nothing(shaped: readonly Shaped[], tried: readonly Tried[]): Finding {
  const events = shaped.reduce((sum, { queued, refused }) => sum + queued + refused, 0)
  const attempts = tried.reduce((sum, target) => sum + target.attempts, 0)
  return {
    finding: "no_shaping_change_indicated",
    subject: "everything in the range",
    evidence: `${events} calls were queued or refused, ${attempts} attempts were made`,
    threshold: `no threshold was crossed (at least ${THRESHOLDS.leastEvents} events each)`,
    look: "nothing",
    events,
  }
}

function ms(value: number | null): string {
  return value === null ? "none" : `${value} ms`
}
