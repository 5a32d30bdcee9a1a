/** Who said something: dialects, issuers, and fields that only their own dialect understands. */

import type { JsonObject } from "./json.ts"

/**
 * The dialects by the words of the neutral conversation. They stand in the seals that clients hold, so they stay as they are,
 * whatever the configuration calls a dialect.
 */
export const DIALECTS = ["chat", "responses", "messages"] as const
export type Dialect = (typeof DIALECTS)[number]

/**
 * Who may read a sealed payload: the dialect, and the provider together with the credential, because vendors bind
 * payloads to both. `label` is opaque, stable, made by the router, and reaches clients: no host, key or account name.
 * `null` means that a client handed in a native payload and nobody knows which credential it came from.
 * `mark`: what clients are shown in place of the label, where the installation has a secret. A label could be found by
 * guessing the credential, a mark cannot; payloads with the label, of earlier versions, come back all the same.
 */
export interface Issuer {
  readonly dialect: Dialect
  readonly label: string | null
  readonly mark?: () => string
}

/** An issuer as plain values, which can go into another thread. */
export interface PlainIssuer {
  readonly dialect: Dialect
  readonly label: string | null
  /** Null: the installation has no secret. */
  readonly mark: string | null
}

export function plainIssuer({ dialect, label, mark }: Issuer): PlainIssuer {
  return { dialect, label, mark: mark?.() ?? null }
}

export function issuerFrom({ dialect, label, mark }: PlainIssuer): Issuer {
  return mark === null ? { dialect, label } : { dialect, label, mark: () => mark }
}

/**
 * Fields without a canonical meaning, as they came. A writer of the same dialect puts them back; any other writer
 * drops them with a loss. Fields that carry no wish and no content (ids of items, `status`, `type`, `index`,
 * `system_fingerprint`, empty annotations, null values) do not belong here: a reader leaves them out in silence.
 */
export interface Extra {
  readonly dialect: Dialect
  readonly fields: JsonObject
}

/** May a payload of `from` be sent to `to`? One without a label is accepted by its own dialect: the router pinned it. */
export function sameIssuer(from: Issuer, to: Issuer): boolean {
  if (from.dialect !== to.dialect) return false
  return from.label === null || from.label === to.label || from.label === to.mark?.()
}
