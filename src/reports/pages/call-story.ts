/** The whole story of one call as blocks: what was asked, where it went and why, what it used and cost, what is missing. */
import type { LedgerReader } from "../../ledger/reader.ts"
import type { TraceRow, UsageRow } from "../../ledger/record.ts"
import { callEvidence, type CallEvidence, evidenceParts, type EvidenceState } from "../evidence.ts"
import type { Block, Facts, Kind, TableBlock, Timeline, Value } from "./block.ts"
import { stateOf } from "./call-rows.ts"
import { costBlock } from "./call-cost.ts"
import { decisionBlocks } from "./call-decision.ts"

/** Null: there is no such call, or none that may be seen. */
export async function callStory(
  ledger: Pick<LedgerReader, "query">,
  id: string,
  isVisible: (usage: UsageRow) => boolean,
): Promise<readonly Block[] | null> {
  const story = await callEvidence(ledger, id, isVisible)
  if (story === null) return null
  return [
    headline(story),
    timeline(story),
    attempts(story),
    costBlock(story.usage),
    ...decisionBlocks(story),
    lossTable(story),
    evidence(story),
  ]
}

function fact(name: string, kind: Kind, value: Value): Facts["facts"][number] {
  return { name, kind, value: value === "" ? null : value }
}

function headline({ usage, error }: CallEvidence): Facts {
  return {
    id: "facts",
    title: "The call",
    show: "facts",
    facts: [
      fact("Outcome", "state", stateOf(usage)),
      ...(error === null ? [] : [fact("Whose fault", "text", error.blame), fact("Message", "text", error.message)]),
      fact("Time", "time", usage.ts),
      fact("Caller", "text", usage.caller_id),
      fact("User", "text", usage.caller_user),
      fact("Project and environment", "text", `${usage.caller_project} / ${usage.caller_environment}`),
      fact("Token", "text", usage.token_id),
      fact("Client", "text", usage.client),
      fact("Address", "text", usage.caller_ip),
      fact("Asked for", "text", usage.requested_model),
      fact("Group and strategy", "text", `${usage.resolved_group} · ${usage.strategy}`),
      fact(
        "Answered by",
        "text",
        usage.target_model === null ? null : `${usage.target_provider ?? ""} / ${usage.target_model}`,
      ),
      fact("Dialects", "text", `${usage.inbound_dialect} → ${usage.target_dialect ?? "none"}`),
      fact("Streamed", "text", usage.stream === 1 ? "yes" : "no"),
      fact("Latency", "ms", usage.latency_ms),
      fact("First token", "ms", usage.ttfb_ms),
      fact("At the provider", "ms", usage.upstream_duration_ms),
      fact("Stopped because", "text", usage.stop_reason),
      fact("Request id of the provider", "text", usage.upstream_request_id),
      fact("Configuration", "text", usage.routing_config_fingerprint),
      fact("Router", "text", usage.router_version),
    ],
  }
}

/** Attempts as bars, the other events as instants. */
function timeline({ usage, attempts: tried, trace }: CallEvidence): Timeline {
  const from = Math.min(usage.ts, ...trace.map(({ ts }) => ts), ...tried.map(({ ts }) => ts))
  const spans = [
    {
      name: "Call",
      fromMs: usage.ts - from,
      durationMs: usage.latency_ms,
      state: usage.error === null ? "ok" : "bad",
    } as const,
    ...tried.map((attempt) => ({
      name: `Attempt ${attempt.attempt_index + 1}: ${attempt.provider} / ${attempt.model}`,
      fromMs: attempt.ts - from,
      durationMs: attempt.duration_ms,
      state: attempt.selected === 1 ? ("ok" as const) : ("bad" as const),
      ...(attempt.error_class === null ? {} : { note: attempt.error_class }),
    })),
    ...trace.map((event) => ({
      name: event.event,
      fromMs: event.ts - from,
      durationMs: 0,
      state: "off" as const,
      ...noteOf(event),
    })),
  ]
  return {
    id: "timeline",
    title: "What happened when",
    show: "timeline",
    totalMs: Math.max(...spans.map(({ fromMs, durationMs }) => fromMs + durationMs)),
    spans: spans.toSorted((one, other) => one.fromMs - other.fromMs),
  }
}

function noteOf({ target_provider: provider, target_model: model, reason, value }: TraceRow): {
  readonly note?: string
} {
  const target = model === null ? null : `${provider ?? ""} / ${model}`
  const notes = [target, reason, value === null ? null : String(value)].filter((each) => each !== null)
  return notes.length === 0 ? {} : { note: notes.join(" · ") }
}

function table(
  id: string,
  title: string,
  columns: TableBlock["columns"],
  rows: TableBlock["rows"],
  empty: string,
): TableBlock {
  return { id, title, show: "table", columns, rows, totals: null, hasRest: false, rowCount: rows.length, empty }
}

function attempts({ attempts: tried }: CallEvidence): TableBlock {
  return table(
    "attempts",
    "Attempts",
    [
      { key: "target", title: "Target", kind: "text" },
      { key: "outcome", title: "Outcome", kind: "state" },
      { key: "duration", title: "Took", kind: "ms" },
      { key: "sent", title: "Sent", kind: "bytes" },
      { key: "received", title: "Received", kind: "bytes" },
      { key: "retry", title: "Retry after", kind: "ms" },
      { key: "why", title: "Why on to the next", kind: "text" },
    ],
    tried.map((each) => [
      `${each.provider} / ${each.model}`,
      each.error_class === null
        ? `ok: ${each.status_code ?? ""}`
        : `bad: ${each.status_code ?? ""} ${each.error_class}`,
      each.duration_ms,
      each.request_bytes,
      each.response_bytes,
      each.retry_after_ms,
      each.fallback_reason,
    ]),
    "No target was asked: the call ended before.",
  )
}

function lossTable({ losses }: CallEvidence): TableBlock {
  return table(
    "losses",
    "Lost in translation",
    [
      { key: "code", title: "What the target cannot say", kind: "text" },
      { key: "path", title: "Where", kind: "text" },
    ],
    losses.map(({ code, path }) => [code, path]),
    "Nothing: the target's dialect said everything.",
  )
}

const STATES: Readonly<Record<EvidenceState, string>> = {
  present: "ok: there",
  missing: "warning: missing",
  not_applicable: "off: not applicable",
}

/** Which parts of the story there are, and why one is not. */
function evidence(story: CallEvidence): TableBlock {
  return table(
    "evidence",
    "Evidence",
    [
      { key: "part", title: "Part", kind: "text" },
      { key: "state", title: "State", kind: "state" },
      { key: "why", title: "Why", kind: "text" },
    ],
    evidenceParts(story).map(({ title, state, why }): Value[] => [title, STATES[state], why]),
    "",
  )
}
