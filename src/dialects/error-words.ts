/** What upstreams say went wrong, wherever and in whatever shape they put it. Never throws. */
import { NO_FAULT, type UpstreamFault } from "./dialect.ts"
import { asArray, asObject, asString, type Loose } from "./loose.ts"

/** A value under `error`, or one that is an error itself: a text, an object, a list of findings. */
export function faultOf(error: unknown): UpstreamFault {
  if (Array.isArray(error)) return { ...NO_FAULT, ...words(error, 0) }
  if (typeof error === "string") return { ...NO_FAULT, ...words(error, 0) }
  const object = asObject(error)
  if (object === null) return NO_FAULT
  const { message, param } = words(object, 0)
  return {
    type: word(object["type"]) ?? word(object["error_type"]) ?? googleStatus(object["status"]),
    code: codeOf(object["code"] ?? object["error_code"]),
    param: word(object["param"]) ?? param,
    message: withOrigin(message, object),
  }
}

/**
 * The error of a body: under `error`, or (vLLM and others) at the top level; Google lists it. Answers have a `type` too,
 * so there only what speaks of an error is one.
 */
export function bodyFault(body: unknown): UpstreamFault {
  if (Array.isArray(body)) return bodyFault(body.find((one) => asObject(one) !== null))
  const object = asObject(body)
  if (object === null) return NO_FAULT
  const inner = object["error"]
  const fault = faultOf(isWords(inner) ? inner : object)
  if (asObject(inner) !== null)
    return fault.message === null ? { ...fault, ...words(object, 0), ...told(fault) } : fault
  if (typeof inner === "string")
    return { ...faultOf({ ...object, error: null, message: null, detail: null }), ...told(fault) }
  const isError = fault.message !== null || fault.code !== null || fault.type?.includes("error") === true
  return isError ? fault : NO_FAULT
}

/** Vendors' refusals have some hundred bytes; those that list what a schema broke have some thousand. A longer one says nothing. */
const LARGEST_REFUSAL_BYTES = 1 << 17

/** Of a body whose status says that it is an error; a text is one too. Null: it says nothing that an agent could use, as HTML does. */
export function readFault(bytes: Uint8Array): UpstreamFault | null {
  if (bytes.length > LARGEST_REFUSAL_BYTES) return null
  const text = new TextDecoder().decode(bytes).trim()
  if (text === "" || text.startsWith("<") || text.includes("\u0000")) return null
  const value = parsed(text)
  if (value === undefined) return { ...NO_FAULT, message: bounded(text) }
  if (typeof value === "string") return { ...NO_FAULT, message: bounded(value) }
  return typeof value === "object" && value !== null ? bodyFault(value) : null
}

/** The fault of a body that is no object; `NO_FAULT` where it is no error either. */
export function listedFault(bytes: Uint8Array): UpstreamFault {
  const value = parsed(new TextDecoder().decode(bytes))
  return Array.isArray(value) ? bodyFault(value) : NO_FAULT
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function isWords(value: unknown): boolean {
  return typeof value === "string" || asObject(value) !== null || Array.isArray(value)
}

function told(fault: UpstreamFault): Partial<UpstreamFault> {
  return Object.fromEntries(Object.entries(fault).filter(([, value]) => value !== null))
}

function codeOf(code: unknown): string | null {
  return typeof code === "number" ? String(code) : word(code)
}

function word(value: unknown): string | null {
  return asString(value) || null
}

/** `INVALID_ARGUMENT` and its kin; other servers have other things under that name. */
function googleStatus(status: unknown): string | null {
  const name = asString(status)
  return name !== null && /^[A-Z]+(_[A-Z]+)*$/.test(name) ? name : null
}

interface Words {
  readonly message: string | null
  /** Of findings: the place of the first. */
  readonly param: string | null
}

const NO_WORDS: Words = { message: null, param: null }
/** FastAPI, Mistral and others, besides the usual `message`. */
const PLACES = ["message", "detail", "details", "msg", "error_msg", "errors", "error"] as const
const DEEPEST = 4
const MOST_FINDINGS = 20
const LONGEST = 4096

function words(value: unknown, depth: number): Words {
  if (typeof value === "string") return value.trim() === "" ? NO_WORDS : { message: bounded(value), param: null }
  if (depth >= DEEPEST) return NO_WORDS
  if (Array.isArray(value)) return findings(value, depth)
  const object = asObject(value)
  if (object === null) return NO_WORDS
  for (const place of PLACES) {
    const found = words(object[place], depth + 1)
    if (found.message !== null) return found
  }
  return NO_WORDS
}

/** `[{loc: ["body", "messages", 0], msg: "Field required"}]`, of FastAPI; others list texts or errors. */
function findings(list: readonly unknown[], depth: number): Words {
  const found = list.slice(0, MOST_FINDINGS).flatMap((one) => {
    const { message } = words(one, depth + 1)
    if (message === null) return []
    const path = asArray(asObject(one)?.["loc"]).filter((step) => step !== "body")
    return [{ path: path.map(String).join("."), message }]
  })
  if (found.length === 0) return NO_WORDS
  const sentences = found.map(({ path, message }) => (path === "" ? message : `${path}: ${message}`))
  return { message: bounded(sentences.join("; ")), param: found[0]?.path || null }
}

/** OpenRouter says "Provider returned error" and gives what the provider said beside it. */
function withOrigin(message: string | null, error: Loose): string | null {
  const raw = asObject(error["metadata"])?.["raw"]
  if (message === null || typeof raw !== "string") return message
  const value = parsed(raw)
  const said = value === undefined ? bounded(raw) : bodyFault(value).message
  return said === null || message.includes(said) ? message : `${message}: ${said}`
}

function bounded(text: string): string {
  return text.length <= LONGEST ? text : `${text.slice(0, LONGEST)}…`
}
