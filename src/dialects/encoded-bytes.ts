/**
 * How much of a conversation is files in base64, which cost far fewer tokens than text of their length. Only what stands
 * in a file's place and looks like base64 counts: whatever else passes for a file would be reserved at a fraction.
 */
import { token } from "../json/search.ts"
import { latin1 } from "../text.ts"

const DATA = token("data")
const DATA_URL = Buffer.from(";base64,")
const SCHEME = Buffer.from("data:")
/** Members that hold data URLs. */
const URL_KEYS = ["url", "image_url", "file_data", "file_url", "data"].map(token)
/** In front of the mark stand the scheme and the type of the file. */
const LONGEST_TYPE = 200
const NOT_BASE64 = /[^A-Za-z0-9+/=_\\-]|\\[^/nr]/u
const QUOTE = 34
const COLON = 58
const BACKSLASH = 92

/** In data URLs (Chat, Responses) and under the key `data` (Messages, audio). */
export function encodedBytes(conversation: Buffer): number {
  let bytes = 0
  for (let at = conversation.indexOf(DATA); at >= 0; at = conversation.indexOf(DATA, at + 1)) {
    const start = valueBehind(conversation, at)
    if (start >= 0) bytes += base64At(conversation, start)
  }
  for (let at = conversation.indexOf(DATA_URL); at >= 0; at = conversation.indexOf(DATA_URL, at + 1))
    if (isInUrl(conversation, at)) bytes += base64At(conversation, at + DATA_URL.length)
  return bytes
}

/** Where the string under the key at `at` begins; -1: there is no such member. */
function valueBehind(text: Buffer, at: number): number {
  if (text[at - 1] === BACKSLASH) return -1
  const colon = forward(text, at + DATA.length)
  const quote = forward(text, colon + 1)
  return text[colon] === COLON && text[quote] === QUOTE ? quote + 1 : -1
}

function isInUrl(text: Buffer, mark: number): boolean {
  const from = Math.max(0, mark - LONGEST_TYPE)
  const quote = from + text.subarray(from, mark).lastIndexOf(QUOTE)
  if (text[quote] !== QUOTE || !startsAt(text, SCHEME, quote + 1)) return false
  const colon = backward(text, quote - 1)
  const end = backward(text, colon - 1) + 1
  if (text[colon] !== COLON) return false
  return URL_KEYS.some((key) => startsAt(text, key, end - key.length) && text[end - key.length - 1] !== BACKSLASH)
}

/** Length of the string that goes on at `start`; 0 where it is something else than base64. */
function base64At(text: Buffer, start: number): number {
  const end = text.indexOf(QUOTE, start)
  return end < 0 || NOT_BASE64.test(latin1(text, start, end)) ? 0 : end - start
}

function startsAt(text: Buffer, word: Buffer, at: number): boolean {
  return at >= 0 && text.compare(word, 0, word.length, at, Math.min(text.length, at + word.length)) === 0
}

function isSpace(byte: number | undefined): boolean {
  return byte === 32 || byte === 10 || byte === 13 || byte === 9
}

function forward(text: Buffer, from: number): number {
  let at = from
  while (isSpace(text[at])) at++
  return at
}

function backward(text: Buffer, from: number): number {
  let at = from
  while (isSpace(text[at])) at--
  return at
}
