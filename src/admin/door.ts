/** How a request of an administrator came in: over TLS, from which address, from which page. */
import type { DoorRules } from "../config/compile/admin-rules.ts"
import { RouterError } from "../errors.ts"
import { addressBehind, isTrusted } from "../pipeline/intake/client-address.ts"
import type { Incoming } from "../pipeline/message.ts"

const FORWARDED_FOR = ["x-forwarded-for"]

/** Whose failures are counted; empty where the address is not known. */
export function addressOf(request: Incoming, { trusted }: DoorRules): string {
  return addressBehind(request, trusted, FORWARDED_FOR) ?? ""
}

/** Did the request come over TLS? The listener cannot know; a proxy that is trusted says so. */
export function cameOverTls({ address, headers }: Incoming, { trusted }: DoorRules): boolean {
  if (address === null || trusted === null || !isTrusted(address, trusted)) return false
  // of several values the first may be the client's own
  const said = headers.get("x-forwarded-proto")?.split(",") ?? []
  return said.length > 0 && said.every((word) => word.trim().toLowerCase() === "https")
}

/** @throws RouterError `admin-forbidden` */
export function expectSafeWay(request: Incoming, door: DoorRules): void {
  if (!door.allowsHttp && !cameOverTls(request, door))
    throw new RouterError("admin-forbidden", { message: "Administrators sign in over HTTPS only." })
}

/**
 * A request that changes something must not be made by a page of another site in an administrator's browser. Browsers say
 * where a request comes from (`Sec-Fetch-Site`, older ones `Origin`); programs say neither, and then have no cookie.
 * https://www.w3.org/TR/fetch-metadata/#sec-fetch-site-header
 * @throws RouterError `cross-site-request`
 */
export function expectOwnPage(request: Incoming, door: DoorRules, hasCookie: boolean): void {
  const site = request.headers.get("sec-fetch-site")
  if (site !== null) {
    if (site === "same-origin" || site === "none") return
    throw new RouterError("cross-site-request")
  }
  const origin = request.headers.get("origin")
  if (origin === null) {
    if (!hasCookie) return
    throw new RouterError("cross-site-request")
  }
  const own = `${cameOverTls(request, door) ? "https" : "http"}://${request.headers.get("host") ?? ""}`
  if (origin.toLowerCase() !== own.toLowerCase()) throw new RouterError("cross-site-request")
}
