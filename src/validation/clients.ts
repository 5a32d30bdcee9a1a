/** Which clients' calls may reach a target through its group. */
import type { Group, Target } from "../config/snapshot.ts"
import type { DialectName } from "../dialects/name.ts"
import { DIALECT_NAMES } from "../dialects/wires.ts"

/** By their dialects, the target's own first. */
export function clientsOf(
  { translation, promisedDialects }: Pick<Group, "translation" | "promisedDialects">,
  { dialect, limits }: Target,
): readonly DialectName[] {
  const others = DIALECT_NAMES.filter(
    (name) => name !== dialect && translation !== "off" && !limits.closedTo.includes(name),
  )
  return [dialect, ...others].filter((name) => promisedDialects?.has(name) ?? true)
}
