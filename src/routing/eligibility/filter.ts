/** A filter takes out targets that cannot serve a call. Pure, and asked only where it could ever say no. */
import type { Capabilities, Group, Target } from "../../config/snapshot.ts"
import type { SpendCeiling } from "../../config/compile/spend-ceiling.ts"
import type { DialectName, RequestFacts } from "../../dialects/dialect.ts"
import type { RequestShape } from "../../dialects/shape-reader.ts"
import type { FilterReason } from "./reasons.ts"

/** What is asked of a target. A call is one. */
export interface Asked {
  readonly dialect: { readonly name: DialectName }
  readonly facts: RequestFacts
  /** Read from the body when first asked for. */
  readonly shape: RequestShape
  readonly bodyBytes: number
  /** It names state that a provider keeps. */
  readonly holdsState: boolean
  /** The caller's; null: none. */
  readonly ceiling: SpendCeiling | null
  /** Unix milliseconds. */
  readonly ts: number
}

export interface Filter {
  /** Whether the target could ever be refused, by the configuration alone. */
  applies(target: Target, dialect: DialectName, group: Group): boolean
  /** Null: nothing against it. */
  refuses(target: Target, asked: Asked): FilterReason | null
}

/** Reasoning is a wish: across dialects, where the group lives with losses, it is left out with a code instead. */
function isDropped(
  { dialect, limits }: Target,
  capability: keyof Capabilities,
  client: DialectName,
  { translation, demanded }: Pick<Group, "demanded" | "translation">,
): boolean {
  if (capability !== "reasoning" || dialect === client || translation !== "warn") return false
  return limits.mayDropReasoning && !demanded.has(capability)
}

/** What is unknown may be asked for in the client's own dialect only, and not where the group demands that it is said. */
export function mayLack(
  target: Target,
  capability: keyof Capabilities,
  dialect: DialectName,
  group: Pick<Group, "demanded" | "translation">,
): boolean {
  if (isDropped(target, capability, dialect, group)) return false
  const has = target.capabilities[capability]
  return has === false || (has === null && (target.dialect !== dialect || group.demanded.has(capability)))
}
