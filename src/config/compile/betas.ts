/** `beta_headers`, worked out for the calls of one target. */
import type { FieldPath } from "../../json/omit.ts"
import type { BetaHeaders } from "../config.ts"

/** Which betas a server behind the `anthropic` dialect takes. */
export interface BetaPolicy {
  /** Does this name of `anthropic-beta` go upstream? */
  readonly takes: (name: string) => boolean
  /** Body fields that do not. */
  readonly fields: readonly FieldPath[]
}

/** Null: everything goes. */
export function betaPolicy(entry: BetaHeaders | undefined): BetaPolicy | null {
  if (entry === undefined) return null
  const fields = entry.strip_fields.map((path): FieldPath => {
    const [field = "", inner] = path.split(".")
    return inner === undefined ? [field] : [field, inner]
  })
  if (entry.allow === undefined && entry.strip === undefined && fields.length === 0) return null
  const { allow, strip = [] } = entry
  const takes = (name: string): boolean =>
    allow === undefined ? !strip.some((known) => fits(name, known)) : allow.some((known) => fits(name, known))
  return { takes, fields }
}

function fits(name: string, known: string): boolean {
  return known.endsWith("*") ? name.startsWith(known.slice(0, -1)) : name === known
}
