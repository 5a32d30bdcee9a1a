/**
 * Conversations of recorded calls: which target each is pinned to, and where its prompt cache is warm. Rules, times and
 * bounds of pins are those of the running router.
 */
import type { Group, Target } from "../config/snapshot.ts"
import type { ReplayedCall } from "../ledger/decision-queries.ts"
import type { ShapeFeatureRow } from "../ledger/decision-record.ts"
import { isSoft, pinBounds, pinnedFirst, pinnedTarget } from "../routing/affinity/pin-rules.ts"
import { MemoryPinStore, type Pin, type PinBounds } from "../routing/affinity/pin-store.ts"
import { targetKey } from "./target-key.ts"

interface Keys {
  /** Best first; empty: it begins with this call. */
  readonly known: readonly string[]
  readonly next: string
}

/** Of a group; more would only cost memory. */
const CACHES: PinBounds = { ttlMs: 86_400_000, maxEntries: 50_000 }

export class Conversations {
  private readonly pins = new MemoryPinStore()
  private readonly caches = new MemoryPinStore()

  /** The order with the pinned target first, and what pinned it. */
  pinned(
    order: readonly Target[],
    group: Group,
    shape: ShapeFeatureRow,
    ts: number,
  ): { readonly order: readonly Target[]; readonly pin: Pin | null } {
    const hasSeals = shape.has_seals === 1
    const keys = keysOf(shape)
    if (group.affinity === null || order.length < 2 || keys === null || (!isSoft(group) && !hasSeals))
      return { order, pin: null }
    const pin = this.pins.get({ group: group.name, keys: keys.known, now: ts })
    const target = pin === null ? undefined : pinnedTarget(pin, order, group, hasSeals, ts)
    return { order: target === undefined ? order : pinnedFirst(target, order), pin }
  }

  /** The target has answered. `order`: all that could have been tried. */
  remember(
    target: Target,
    order: readonly Target[],
    group: Group,
    shape: ShapeFeatureRow,
    { ts, pin }: { readonly ts: number; readonly pin: Pin | null },
  ): void {
    const keys = keysOf(shape)
    if (group.affinity === null || order.length < 2 || keys === null) return
    if (!isSoft(group) && pin === null && target === order[0] && !maySeal(shape)) return
    const next = { target: target.pin, issuer: null, foreignSeals: 0, at: ts }
    this.pins.set(group.name, keys.next, next, pinBounds(group.affinity))
  }

  /**
   * Whether the target has not seen the conversation before: its last call went elsewhere. Of the first call that is
   * known of a conversation: it was recorded elsewhere.
   */
  isCold(target: Target, group: Group, { usage, shape }: ReplayedCall): boolean {
    const here = targetKey(target.provider.name, target.model)
    const recorded = targetKey(usage.target_provider ?? "", usage.target_model ?? "")
    const keys = shape === null ? null : keysOf(shape)
    if (keys === null) return here !== recorded
    const last = this.caches.get({ group: group.name, keys: keys.known, now: usage.ts })
    this.caches.set(group.name, keys.next, { target: here, issuer: null, foreignSeals: 0, at: usage.ts }, CACHES)
    return here !== (last?.target ?? recorded)
  }
}

/** A name is looked up as it is; of a conversation without one, its first call begins anew. */
function keysOf(row: ShapeFeatureRow): Keys | null {
  const { conversation_kind: kind, conversation_key: next, conversation_opening: opening } = row
  if (kind === null || next === null) return null
  if (kind !== "first-turns") return { known: [next], next }
  return { known: opening === null ? [] : [next, opening], next }
}

/** As the pipeline sees it, which reads the body. */
function maySeal(row: ShapeFeatureRow): boolean {
  return row.has_seals === 1 || row.reasoning_requested === 1 || row.uses_include === 1
}
