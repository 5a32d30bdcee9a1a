import type { Target } from "../config/snapshot.ts"
import type { Labels } from "../metrics/exposition.ts"

/** The place in the group tells targets apart that have everything else in common. */
export function targetLabels(group: string, { index, provider, model, dialect }: Target): Labels {
  return { group, target: String(index), provider: provider.name, model, target_dialect: dialect }
}
