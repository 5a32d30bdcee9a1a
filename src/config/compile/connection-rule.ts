/** How many clients may be connected at once. */
import type { ConnectionsConfig } from "../config.ts"

/** Null: what the process can hold decides. */
export interface ConnectionRule {
  readonly max: number | null
  readonly perAddress: number | null
}

export function connectionRule({ max, per_address: perAddress }: ConnectionsConfig): ConnectionRule {
  return { max, perAddress }
}
