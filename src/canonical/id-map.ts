/**
 * Tool call ids where an alphabet or a length is narrower than the id. A legal id passes as it is. An illegal one is
 * encoded so that it can be decoded without any memory: `rx1_` + base64url of its UTF-8 bytes. Where that is too long
 * it becomes `rxh_` + a fingerprint, which cannot be decoded and need not be: only request writers have a length limit,
 * a call and its results are mapped alike, and no upstream repeats ids of the history.
 */

import { fingerprint } from "./fingerprint.ts"

export interface IdRules {
  /** `word`: [A-Za-z0-9_-]. `alphanumeric`: [A-Za-z0-9]. */
  readonly alphabet: "any" | "word" | "alphanumeric"
  readonly maxChars: number
  /** Absent: 1. */
  readonly minChars?: number
}

/** What a writer of replies keeps to: any client stores an id of these characters, and no client limits its length. */
export const REPLY_ID_RULES: IdRules = { alphabet: "word", maxChars: Number.MAX_SAFE_INTEGER }

const ENCODED = "rx1_"
const HASHED = "rxh_"
const HASH_CHARS = 22
const LEGAL: Readonly<Record<IdRules["alphabet"], RegExp>> = {
  any: /^[^]+$/,
  word: /^[A-Za-z0-9_-]+$/,
  alphanumeric: /^[A-Za-z0-9]+$/,
}
const BASE64URL = /^[A-Za-z0-9_-]*$/

/** Deterministic. Injective, and undone by `decodeId`, but for ids that had to be fingerprinted. */
export function encodeId(id: string, rules: IdRules): string {
  const isOurs = id.startsWith(ENCODED) || id.startsWith(HASHED)
  const isLong = id.length >= (rules.minChars ?? 1)
  if (!isOurs && isLong && id.length <= rules.maxChars && LEGAL[rules.alphabet].test(id)) return id
  if (rules.alphabet === "alphanumeric") return fingerprint(id, Math.min(HASH_CHARS, rules.maxChars))
  const encoded = ENCODED + base64url(id)
  if (encoded.length <= rules.maxChars) return encoded
  return (HASHED + fingerprint(id, HASH_CHARS)).slice(0, rules.maxChars)
}

/** What every reader of requests and replies does to a call id. Ids that this router did not encode stay as they are. */
export function decodeId(id: string): string {
  if (!id.startsWith(ENCODED)) return id
  const body = id.slice(ENCODED.length)
  if (!BASE64URL.test(body)) return id
  try {
    const decoded = fromBase64url(body)
    return base64url(decoded) === body ? decoded : id
  } catch {
    return id
  }
}

/** Written as JSON first, because a lone surrogate has no UTF-8 but an escape. */
function base64url(text: string): string {
  const bytes = new TextEncoder().encode(JSON.stringify(text).slice(1, -1))
  return bytes.toBase64({ alphabet: "base64url", omitPadding: true })
}

function fromBase64url(body: string): string {
  const bytes = Uint8Array.fromBase64(body, { alphabet: "base64url" })
  const value: unknown = JSON.parse(`"${new TextDecoder("utf-8", { fatal: true }).decode(bytes)}"`)
  return String(value)
}
