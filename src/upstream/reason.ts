/** Which word of `src/reasons.ts` a failure is, and what the vendor's own words add to it where they are safe to be written down. */
import type { UpstreamFault } from "../dialects/dialect.ts"
import { HttpFault } from "../http/fault.ts"
import type { Reason } from "../reasons.ts"
import { isTelling, type Secrets } from "./mask.ts"

/** Why no answer came over a connection, or no whole one. `cause`: what the connection, or the reading of it, said. */
export function networkReason(cause: unknown): Reason {
  for (let error = cause, depth = 0; error instanceof Error && depth < MOST_CAUSES; error = error.cause, depth++) {
    if (error instanceof SpeaksTls) return "tls-expected"
    if (error instanceof HttpFault) return error.message.includes("ended") ? "closed" : "not-http"
    const found = systemReason(error)
    if (found !== null) return found
  }
  return "closed"
}

/** The same where an egress proxy stands between: what cannot be reached is the proxy. */
export function proxyReason(cause: unknown): Reason {
  const { code } = (cause ?? {}) as { readonly code?: unknown }
  if (code === "ERR_PROXY_TUNNEL") return "proxy-refused"
  const reason = networkReason(cause)
  return reason === "refused" || reason === "unreachable" || reason === "connect-timeout" ? "proxy-refused" : reason
}

/** The server answered a plain request with TLS. */
export class SpeaksTls extends Error {
  constructor() {
    super("the server speaks TLS")
    this.name = "SpeaksTls"
  }
}

const MOST_CAUSES = 5

/** By the codes of the operating system, and of OpenSSL's verification. */
const BY_CODE: readonly (readonly [form: RegExp, reason: Reason])[] = [
  [/^(ENOTFOUND|ENODATA|EAI_\w+|ESERVFAIL|EBADNAME|DNS_\w+)$/, "dns"],
  [/^ECONNREFUSED$/, "refused"],
  [/^(EHOSTUNREACH|ENETUNREACH|ENETDOWN|EHOSTDOWN|EACCES|EPERM)$/, "unreachable"],
  [/^ETIMEDOUT$/, "connect-timeout"],
  [/^(ECONNRESET|EPIPE)$/, "reset"],
  [/^(ERR_TLS_CERT_ALTNAME_INVALID|HOSTNAME_MISMATCH)$/, "tls-hostname"],
  [/^CERT_HAS_EXPIRED$/, "tls-expired"],
  [/^CERT_NOT_YET_VALID$/, "tls-not-yet-valid"],
  [/CERT|INVALID_CA|^UNABLE_TO_VERIFY|^ERROR_IN_CERT/, "tls-untrusted"],
]

/** By the words of the TLS library, whose codes say nothing more than that it failed. */
const BY_TLS_WORDS: readonly (readonly [form: RegExp, reason: Reason])[] = [
  [
    /ALERT_(CERTIFICATE|BAD_CERTIFICATE|UNSUPPORTED_CERTIFICATE|UNKNOWN_CA|ACCESS_DENIED)|ALERT_\w*CERT/i,
    "tls-client-cert",
  ],
  [
    /WRONG_VERSION_NUMBER|HTTP_REQUEST|UNKNOWN_PROTOCOL|UNEXPECTED_MESSAGE|(PACKET_LENGTH|DATA_LENGTH)_TOO_LONG/i,
    "not-tls",
  ],
  [/./s, "tls-failed"],
]

function systemReason(error: Error): Reason | null {
  const { code, syscall } = error as { readonly code?: unknown; readonly syscall?: unknown }
  if (typeof code !== "string") return null
  if (code === "ETIMEDOUT" && syscall === "read") return "reset"
  if (/^(EPROTO|ERR_SSL)/.test(code)) return BY_TLS_WORDS.find(([form]) => form.test(error.message))?.[1] ?? null
  return BY_CODE.find(([form]) => form.test(code))?.[1] ?? null
}

/** What a vendor's error adds to the reason, as `code=…; type=…; field=…`; null: nothing that is safe. */
export function safeWords({ code, type }: UpstreamFault, field: string | null = null): string | null {
  const words = [
    ["code", code],
    ["type", type === code ? null : type],
  ].flatMap(([name, value]) => (value !== null && isSafeToken(value ?? "") ? [`${name}=${value}`] : []))
  if (field !== null && isSafePath(field)) words.push(`field=${field}`)
  return words.length === 0 ? null : words.join("; ")
}

const LONGEST_TOKEN = 48

/** A word as vendors name their errors: letters in parts, or a short number. Nothing that a host or a key could be. */
function isSafeToken(text: string): boolean {
  return text.length <= LONGEST_TOKEN && /^(?:[A-Za-z]{1,24}(?:[_-](?:[A-Za-z]{1,24}|\d{1,4}))*|\d{1,5})$/.test(text)
}

/** A place in a request's body: names in letters and low lines, indices. */
function isSafePath(text: string): boolean {
  return (
    text.length <= LONGEST_TOKEN &&
    /^[A-Za-z]{1,24}(?:_[A-Za-z]{1,24}|\[\d{1,4}\]|\.\d{1,4}|\.[a-z]{1,24})*$/.test(text)
  )
}

/** The words that may be written down: null where they hold a secret, or are longer than is recorded of one error. */
export function sayable(words: string | null, secrets: Secrets, maxBytes: number = Infinity): string | null {
  return words === null || words.length > maxBytes || isTelling(words, secrets) ? null : words
}

/** What a vendor's error says. */
export interface Said {
  readonly code: string | null
  readonly type: string | null
  readonly field: string | null
}

const NOTHING_SAID: Said = { code: null, type: null, field: null }

/** The parts of what `safeWords` made. */
export function saidIn(words: string | null): Said {
  if (words === null) return NOTHING_SAID
  const said = new Map(words.split("; ").map((word) => [word.split("=")[0], word.split("=")[1]]))
  return { code: said.get("code") ?? null, type: said.get("type") ?? null, field: said.get("field") ?? null }
}

/** As rows and lines have it: `key-refused; code=invalid_api_key`. `words`: what is `sayable`. */
export function reasonText(reason: Reason, words: string | null): string {
  return words === null ? reason : `${reason}; ${words}`
}
