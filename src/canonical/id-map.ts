/**
 * Tool call ids where an alphabet or a length is narrower than the id. A legal id passes as it is. An illegal one is
 * encoded so that it can be decoded without any memory: `rx1_` + base64url of its UTF-8 bytes. Where that is too long
 * it becomes `rxh_` + a fingerprint, which cannot be decoded and need not be: only request writers have a length limit,
 * and a call and its results are mapped alike. An id that is used again in its conversation gets a number:
 * `rx2_<number>_` + base64url of its bytes (`call-ids.ts`).
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
const RENAMED = /^rx2_\d+_([A-Za-z0-9_-]*)$/
const HASH_CHARS = 22
const LEGAL: Readonly<Record<IdRules["alphabet"], RegExp>> = {
  any: /^[^]+$/,
  word: /^[A-Za-z0-9_-]+$/,
  alphanumeric: /^[A-Za-z0-9]+$/,
}
const BASE64URL = /^[A-Za-z0-9_-]*$/

/** For a target of the client's own dialect: every id goes back as the client wrote it. */
export const AS_WRITTEN: IdRules = { alphabet: "any", maxChars: Number.MAX_SAFE_INTEGER }

/** Deterministic. Injective, and undone by `decodeId`, but for ids that had to be fingerprinted. */
export function encodeId(id: string, rules: IdRules): string {
  if (rules.alphabet === "any" && rules.maxChars === AS_WRITTEN.maxChars) return id
  const isOurs = id.startsWith(ENCODED) || id.startsWith(HASHED)
  const isLong = id.length >= (rules.minChars ?? 1)
  if (!isOurs && isLong && id.length <= rules.maxChars && LEGAL[rules.alphabet].test(id)) return id
  if (rules.alphabet === "alphanumeric") return fingerprint(id, Math.min(HASH_CHARS, rules.maxChars))
  const encoded = ENCODED + base64url(id)
  if (encoded.length <= rules.maxChars) return encoded
  return (HASHED + fingerprint(id, HASH_CHARS)).slice(0, rules.maxChars)
}

/** Undoes `encodeId`. Ids that this router did not encode stay as they are. */
export function decodeId(id: string): string {
  return id.startsWith(ENCODED) ? decoded(id, id.slice(ENCODED.length)) : id
}

/** The id that stands for the `number`-th use of `id` in a conversation; of letters, digits, `_` and `-`. */
export function renamedId(id: string, number: number): string {
  return `rx2_${number}_${base64url(id)}`
}

/** Undoes `renamedId`: the id as its upstream made it. */
export function originalId(id: string): string {
  const body = RENAMED.exec(id)?.[1]
  return body === undefined ? id : decoded(id, body)
}

function decoded(id: string, body: string): string {
  if (!BASE64URL.test(body)) return id
  try {
    const original = fromBase64url(body)
    return base64url(original) === body ? original : id
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
