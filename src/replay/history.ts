/**
 * Live figures as they were: the recorded attempts, each at the moment at which it ended, told to the windows of the
 * targets of another configuration. A target that was never tried stays unknown.
 */
import type { BilledUsage } from "../canonical/billed-usage.ts"
import type { Group, Snapshot, Target } from "../config/snapshot.ts"
import type { ReplayedAttempt, ReplayedCall, ReplayedUsage } from "../ledger/decision-queries.ts"
import { Observations } from "../routing/observations.ts"
import { targetKey } from "./target-key.ts"

interface Ended {
  readonly at: number
  readonly attempt: ReplayedAttempt
  readonly usage: ReplayedUsage
}

export class History {
  readonly live: Observations = new Observations()
  /** Attempts that have begun and not ended yet, by their end; as many as calls were in flight. */
  private readonly pending: Ended[] = []
  private readonly targets = new Map<string, Target[]>()

  private readonly snapshot: Snapshot

  constructor(snapshot: Snapshot) {
    this.snapshot = snapshot
    for (const group of new Set(snapshot.groups.values()))
      for (const target of group.targets) {
        if (target.observed === null) continue
        const key = `${group.name} ${targetKey(target.provider.name, target.model)}`
        this.targets.set(key, [...(this.targets.get(key) ?? []), target])
      }
  }

  add({ usage, attempts }: ReplayedCall): void {
    for (const attempt of attempts) {
      const entry = { at: attempt.ts + attempt.duration_ms, attempt, usage }
      let place = this.pending.length
      while (place > 0 && (this.pending[place - 1]?.at ?? 0) > entry.at) place--
      this.pending.splice(place, 0, entry)
    }
  }

  advanceTo(ts: number): void {
    let count = 0
    for (const entry of this.pending) {
      if (entry.at > ts) break
      this.tell(entry)
      count++
    }
    this.pending.splice(0, count)
  }

  private tell({ at, attempt, usage }: Ended): void {
    const name = groupOf(this.snapshot, usage)?.name ?? ""
    const key = `${name} ${targetKey(attempt.provider, attempt.model)}`
    for (const target of this.targets.get(key) ?? []) {
      if (attempt.client_canceled === 1) continue
      if (attempt.selected === 1 && attempt.error_class === null) {
        this.live.begin(target)
        const firstTokenMs =
          usage.stream === 1 && usage.ttfb_ms !== null ? Math.max(0, usage.ts + usage.ttfb_ms - attempt.ts) : null
        this.live.answered(target, at, attempt.duration_ms, firstTokenMs, usageOf(usage))
      } else if (attempt.retryable === 1) {
        this.live.begin(target)
        this.live.failed(target, at, attempt.duration_ms, attempt.timed_out === 1, attempt.selected === 0)
      }
    }
  }
}

/** By the name that the client used, since that may have become another's alias. */
export function groupOf(
  { groups }: Snapshot,
  { requested_model, resolved_group }: Pick<ReplayedUsage, "requested_model" | "resolved_group">,
): Group | undefined {
  return groups.get(requested_model) ?? groups.get(resolved_group)
}

/** Null: it is not known. */
export function usageOf(row: ReplayedUsage): BilledUsage | null {
  if (row.fresh_input_tokens === null || row.output_tokens === null) return null
  return {
    freshInputTokens: row.fresh_input_tokens,
    cachedInputTokens: row.cached_input_tokens ?? 0,
    cacheWrite5mTokens: row.cache_write_5m_tokens ?? 0,
    cacheWrite1hTokens: row.cache_write_1h_tokens ?? 0,
    outputTokens: row.output_tokens,
    reasoningTokens: row.reasoning_tokens,
    unreported: null,
    reportedCostUsd: null,
    mixedModels: false,
    parts: {
      inputImageTokens: row.input_image_tokens ?? 0,
      inputAudioTokens: row.input_audio_tokens ?? 0,
      outputImageTokens: row.output_image_tokens ?? 0,
      outputAudioTokens: row.output_audio_tokens ?? 0,
      hostedTools: {},
      speed: row.speed,
      inferenceGeo: row.inference_geo,
      reportedInputUsd: null,
      reportedOutputUsd: null,
    },
  }
}
