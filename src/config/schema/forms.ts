/** Forms of single values that several sections share. */
import { isIP } from "node:net"
import { z } from "zod"
import { DIALECT_NAMES, WIRES } from "../../dialects/wires.ts"
import { expressionFault } from "../../pii/expression.ts"
import { checked, choice, key, pattern, text } from "./field.ts"

/** Printable, no white space at the ends, short enough for logs and headers. */
const NAME = /^[^\s\p{C}](?:[^\p{C}]{0,126}[^\s\p{C}])?$/u
const IDENTIFIER = /^[^\s\p{C}]{1,128}$/u
/** `__proto__` would be no header but the prototype of all others. */
const HEADER_NAME = /^(?!__proto__$)[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}$/i

export const identifier: z.ZodType = pattern(IDENTIFIER, "1 to 128 printable characters without spaces", "An id.")
export const displayName: z.ZodType = pattern(NAME, "1 to 128 printable characters", "A name for people.")
export const headerName: z.ZodType = pattern(HEADER_NAME, "the name of an HTTP header", "An HTTP header name.")
export const headerValue: z.ZodType = pattern(
  /^[\t\x20-\x7e\x80-\xff]*$/,
  "a header value without line breaks or control characters",
  "An HTTP header value.",
)
export const sha256: z.ZodType = key(
  z
    .string()
    .regex(/^[0-9a-fA-F]{64}$/)
    .toLowerCase(),
  "A SHA-256.",
  {
    expects: "a SHA-256 as 64 hexadecimal digits",
    secret: "hash",
  },
)
export const day: z.ZodType = timed(pattern(/^\d{4}-\d{2}-\d{2}$/, 'a date such as "2026-06-25"', "A date."))
export const instant: z.ZodType = timed(
  pattern(
    /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2}))?$/,
    'a time such as "2027-01-31T00:00:00Z", or a date (its first moment in UTC)',
    "A point in time.",
  ),
)
export const cidr: z.ZodType = checked(
  pattern(
    /^[0-9a-fA-F.:]+(\/\d{1,3})?$/,
    "an address or an address range such as 10.0.0.0/8 or fd00::/8",
    "An address range.",
  ),
  (value) => {
    const [address = "", prefix] = String(value).split("/")
    const bits = { 0: -1, 4: 32, 6: 128 }[isIP(address)] ?? -1
    return Number(prefix ?? 0) <= bits ? null : { path: [], message: "There is no such address range." }
  },
)
/** Scheme, host, no user or password (they would end up in logs). */
export const httpUrl: z.ZodType = parsable(
  pattern(
    /^https?:\/\/[^\s/?#@]+(\/[^\s#@]*)?$/i,
    "an http:// or https:// URL without user, password or fragment",
    "A URL.",
  ),
)
export const proxyUrl: z.ZodType = parsable(
  pattern(/^https?:\/\/[^\s/?#]+\/?$/i, "an http:// or https:// proxy URL", "A proxy."),
)
export const expression: z.ZodType = checked(
  text("An expression of RE2.", { expects: "an expression of RE2" }),
  (value) => {
    const fault = expressionFault(String(value))
    return fault === null ? null : { path: [], message: FAULTS[fault] }
  },
)
const FAULTS = {
  invalid: "This is no expression of RE2, which knows neither what stands around a match nor references to a group.",
  empty: "This expression matches an empty text.",
} as const

export const host: z.ZodType = pattern(
  /^[A-Za-z0-9.:[\]_-]{1,253}$/,
  "a host name, with :port where it matters",
  "A host.",
)

export const dialect: z.ZodType = choice(DIALECT_NAMES, "The API that is spoken.")
export const apiShape: z.ZodType = choice(
  DIALECT_NAMES.map((name) => WIRES[name].apiShape),
  "An API shape.",
)
export const modality: z.ZodType = choice(["text", "image", "video"], "A kind of content.")
export const outputTokenField: z.ZodType = choice(
  ["max_tokens", "max_completion_tokens"],
  "The name of the output cap.",
)

const LIFE = ["active", "disabled", "suspended", "removed", "archived"]
export const status: z.ZodType = choice(LIFE, "Only what is `active` may be used.")
export const callerStatus: z.ZodType = choice([...LIFE, "expired", "rotated"], "Only an `active` caller may call.")

/** A file named in the configuration, relative to it. */
export function file(description: string): z.ZodType {
  return key(text(description), description, { path: true, expects: "a path, relative to the configuration file" })
}

/** Also refuses days and hours that do not exist. */
function timed(schema: z.ZodType): z.ZodType {
  return checked(schema, (value) => {
    const [year, month, date] = String(value).slice(0, 10).split("-").map(Number)
    const written = new Date(Date.UTC(year ?? 0, (month ?? 0) - 1, date))
    const exists =
      written.getUTCMonth() + 1 === month && written.getUTCDate() === date && !Number.isNaN(Date.parse(String(value)))
    return exists ? null : { path: [], message: "There is no such day or time." }
  })
}

function parsable(url: z.ZodType): z.ZodType {
  return checked(url, (value) => (URL.canParse(String(value)) ? null : { path: [], message: "This URL is not valid." }))
}
