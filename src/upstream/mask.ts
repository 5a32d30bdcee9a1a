/** Takes out of a relayed upstream error what a caller must not see. */
import { isObject, parseExact, type JsonValue } from "../canonical/json.ts"
import type { Failure } from "../canonical/reply.ts"
import type { Provider } from "../config/snapshot.ts"

export type Secrets = Provider["secrets"]

const MASK = "[masked]"
/** OpenAI's organisation and project ids, and ids that stand behind the word "organization". */
const ORGANISATION =
  /\b(?:org|proj)-[A-Za-z0-9]{6,}|(?<=organi[sz]ation(?:[ _-]?id)?\W{1,4})[0-9a-f]{8}-[0-9a-f-]{27}/gi
const ORGANISATION_KEY = /organi[sz]ation/i
const ORGANISATION_ID = /^[0-9a-f]{8}-[0-9a-f-]{27}$/i
const KEY_LIKE = /\b(?:sk|pk|rk)-[A-Za-z0-9_*-]{8,}/g
/** A character as URLs and JSON may spell it. */
const SPELT = /%([0-9a-f]{2})|\\u([0-9a-f]{4})|\\([/"\\])/gi
/** A text in a URL in a JSON text in a text. */
const MOST_SPELLINGS = 3

/**
 * The same bytes when there is nothing to mask. JSON stays JSON, written anew: only texts (names of members too) and
 * numbers are masked, whatever spelling they have. @throws RangeError for JSON that is nested too deeply
 */
export function maskSecrets(bytes: Uint8Array, secrets: Secrets): Uint8Array {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("utf8")
  const result = maskedJson(text, secrets)
  return result === text ? bytes : Buffer.from(result)
}

/** The same failure, its words without what a caller must not see. */
export function maskedFailure(failure: Failure, secrets: Secrets): Failure {
  const { message, type, code, param, details } = failure
  const words = { message, type, code, param, details }
  const clean = Object.entries(words).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, maskedValue(value, secrets)] as const],
  )
  return { ...failure, ...Object.fromEntries(clean) }
}

/** Does a text hold a secret, in any spelling? */
export function isTelling(text: string, secrets: Secrets): boolean {
  return maskedText(text, secrets) !== text
}

function maskedJson(text: string, secrets: Secrets): string {
  let value: JsonValue
  try {
    value = parseExact(text)
  } catch (error) {
    if (error instanceof SyntaxError) return maskedText(text, secrets)
    throw error
  }
  const result = maskedValue(value, secrets)
  return result === value ? text : JSON.stringify(result)
}

function maskedValue(value: JsonValue, secrets: Secrets): JsonValue {
  if (typeof value === "string") return maskedText(value, secrets)
  if (Array.isArray(value)) {
    const list = (value as readonly JsonValue[]).map((entry) => maskedValue(entry, secrets))
    return list.some((entry, index) => entry !== value[index]) ? list : (value as readonly JsonValue[])
  }
  if (isObject(value)) {
    const entries = Object.entries(value).map(([key, member = null]) => [
      maskedText(key, secrets),
      isOrganisation(key, member) ? MASK : maskedValue(member, secrets),
    ]) as readonly [string, JsonValue][]
    const isSame = entries.every(([key, member]) => Object.hasOwn(value, key) && value[key] === member)
    return isSame ? value : Object.fromEntries(entries)
  }
  // a key may be made of digits alone
  const spelt = typeof value === "number" ? String(value) : isRaw(value) ? value.rawJSON : ""
  return spelt !== "" && spelt.search(secrets) >= 0 ? MASK : value
}

function isRaw(value: JsonValue): value is { readonly rawJSON: string } {
  return typeof value === "object" && value !== null
}

function isOrganisation(key: string, member: JsonValue): boolean {
  return typeof member === "string" && ORGANISATION_KEY.test(key) && ORGANISATION_ID.test(member)
}

/** A text that hides a secret behind its spelling is given as it reads. */
function maskedText(text: string, secrets: Secrets): string {
  let result = plainlyMasked(text, secrets)
  let read = result
  for (let times = 0; times < MOST_SPELLINGS && /[%\\]/.test(read); times++) {
    read = read.replace(SPELT, (_spelt, byte?: string, unit?: string, escaped?: string) =>
      escaped === undefined ? String.fromCharCode(Number.parseInt(byte ?? unit ?? "", 16)) : escaped,
    )
    const again = plainlyMasked(read, secrets)
    if (again !== read) result = read = again
  }
  return result
}

function plainlyMasked(text: string, secrets: Secrets): string {
  return text.replace(secrets, MASK).replace(ORGANISATION, MASK).replace(KEY_LIKE, MASK)
}
