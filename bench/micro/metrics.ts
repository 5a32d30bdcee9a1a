/** `scripts/run bench/micro/metrics.ts`: what a call costs that is counted, and what a scrape does. */
import { NO_REQUEST_FACTS } from "../../src/dialects/dialect.ts"
import type { Target } from "../../src/config/snapshot.ts"
import type { CallRecord, UsageRow } from "../../src/ledger/record.ts"
import { writeCallFamilies } from "../../src/metrics/call-families.ts"
import { Exposition } from "../../src/metrics/exposition.ts"
import { Metrics, type MeteredAttempt, type MeteredCall } from "../../src/metrics/metrics.ts"
import { ALL_NAMES } from "../../test/helpers/exposition.ts"
import { sampleCall } from "../../test/helpers/sample-call.ts"
import { compare } from "./timing.ts"

const RUNS = 100_000
const GROUPS = 20
const CALLERS = 100
const START = 1_764_200_000_000

function callsOf(usage: Partial<UsageRow>, attempts: number): readonly Counted[] {
  return Array.from({ length: GROUPS * CALLERS }, (_, index) => {
    const group = index % GROUPS
    const labels = { resolved_group: `group-${group}`, caller_id: `caller-${index % CALLERS}` }
    const sample = sampleCall(START, index, { ...labels, ...usage })
    const tried = Array.from({ length: attempts }, () => ({ target: targetOf(group), failure: null }))
    return {
      call: { attempts: tried, facts: NO_REQUEST_FACTS, bodyWaitMs: 0, notes: { redaction: null } },
      answering: attempts === 0 ? null : { target: targetOf(group), meter: null },
      record: { ...sample, attempts: tried.flatMap(() => sample.attempts) },
    }
  })
}

interface Counted {
  readonly call: MeteredCall
  readonly answering: MeteredAttempt | null
  readonly record: CallRecord
}

const targets = new Map<number, Target>()
function targetOf(group: number): Target {
  const known = targets.get(group)
  if (known !== undefined) return known
  const target = { provider: { name: `provider-${group}` }, model: `model-${group}` } as Target
  targets.set(group, target)
  return target
}

const metrics = new Metrics()
let turn = 0
function counting(calls: readonly Counted[]): () => void {
  return () => {
    const next = calls[turn++ % calls.length]
    if (next !== undefined) metrics.count(next.call, next.answering, next.record, 0.2)
  }
}

compare(`one call, of ${GROUPS} groups and ${CALLERS} callers`, RUNS, {
  unary: counting(callsOf({ stream: 0 }, 1)),
  stream: counting(callsOf({ stream: 1, ttfb_ms: 300, downstream_duration_ms: 2000 }, 1)),
  "after a fallback": counting(callsOf({ fallback_used: 1 }, 2)),
  refused: counting(callsOf({ status: 429, error: "rpm-exceeded", target_provider: null, usage_source: "none" }, 0)),
})
compare("a scrape", 20, {
  "all families of calls": () => {
    const out = new Exposition({})
    writeCallFamilies(out, metrics, ALL_NAMES)
    return out.text()
  },
})
