/** Takes out of a relayed upstream error what a caller must not see. */

const MASK = "[masked]"
/** OpenAI's organisation and project ids, and ids that stand behind the word "organization". */
const ORGANISATION =
  /\b(?:org|proj)-[A-Za-z0-9]{6,}|(?<=organi[sz]ation(?:[ _-]?id)?\W{1,4})[0-9a-f]{8}-[0-9a-f-]{27}/gi
const KEY_LIKE = /\b(?:sk|pk|rk)-[A-Za-z0-9_*-]{8,}/g

/** The same bytes when there is nothing to mask. `secrets`: longest first. */
export function masked(bytes: Uint8Array, secrets: readonly string[]): Uint8Array {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("utf8")
  let result = text
  for (const secret of secrets) result = result.replace(new RegExp(RegExp.escape(secret), "gi"), MASK)
  result = result.replace(ORGANISATION, MASK).replace(KEY_LIKE, MASK)
  return result === text ? bytes : Buffer.from(result)
}
