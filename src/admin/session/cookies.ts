/** Cookies of administrators: read and written strictly (RFC 6265, 4.1). */
import type { SessionRules } from "../../config/compile/admin-rules.ts"
import type { Incoming } from "../../pipeline/message.ts"

export interface CookieOptions {
  /** Also the name says so: `__Host-` holds a cookie to this host, to TLS and to the path `/`. */
  readonly isSecure: boolean
  readonly sameSite: SessionRules["sameSite"]
  /** 0 takes the cookie away. */
  readonly maxAgeMs: number
}

/** Null: there is none, or there are several, so that nobody knows whose counts. */
export function cookieOf({ headers }: Incoming, name: string, isSecure: boolean): string | null {
  const wanted = `${fullName(name, isSecure)}=`
  const found = (headers.get("cookie") ?? "")
    .split(";")
    .map((part) => part.trim())
    .filter((part) => part.startsWith(wanted))
  const [only] = found
  return only === undefined || found.length > 1 ? null : only.slice(wanted.length)
}

export function cookieText(name: string, value: string, { isSecure, sameSite, maxAgeMs }: CookieOptions): string {
  const parts = [`${fullName(name, isSecure)}=${value}`, "Path=/", "HttpOnly", `SameSite=${sameSite}`]
  if (isSecure) parts.push("Secure")
  return [...parts, `Max-Age=${Math.ceil(maxAgeMs / 1000)}`].join("; ")
}

function fullName(name: string, isSecure: boolean): string {
  return isSecure ? `__Host-${name}` : name
}
