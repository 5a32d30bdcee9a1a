/** Reading requests at the door, and showing errors to people. */
import type { Snapshot } from "../config/snapshot.ts"
import { asRouterError, RouterError } from "../errors.ts"
import { BadFraming, BodyTooLarge, type Incoming, type Outgoing } from "../pipeline/message.ts"
import { cameOverTls, expectSafeWay } from "./door.ts"
import type { Notes } from "./entrance.ts"
import { faultPage } from "./pages.ts"

const MOST_FORM_BYTES = 8192

/** A session begins only where its cookie can be kept. @throws RouterError `admin-forbidden` */
export function expectSessionWay(request: Incoming, { admin: { door, sessions } }: Pick<Snapshot, "admin">): void {
  expectSafeWay(request, door)
  if (sessions.needsTls && !cameOverTls(request, door))
    throw new RouterError("admin-forbidden", {
      message: "Sessions begin over HTTPS only (server.admin_auth.sessions.secure_cookies).",
    })
}

/** The page that shows an error to a person; it leads nowhere by itself. */
export async function onPage({ refused }: Notes, answer: () => Promise<Outgoing>): Promise<Outgoing> {
  try {
    return await answer()
  } catch (thrown) {
    const error = asRouterError(thrown)
    if (error.code === "internal-error" || error.code === "not-found" || error.code === "method-not-allowed")
      throw thrown
    refused(error)
    const page = faultPage(error.status, error.message)
    return { ...page, headers: { ...page.headers, ...retryAfter(error) } }
  }
}

export function retryAfter({ retryAfterS }: RouterError): Readonly<Record<string, string>> {
  return retryAfterS === null ? {} : { "retry-after": String(retryAfterS) }
}

export async function read(
  { method }: Incoming,
  answer: () => Outgoing | Promise<Outgoing>,
  allow = "GET, HEAD",
): Promise<Outgoing> {
  if (method !== "GET" && method !== "HEAD") throw new RouterError("method-not-allowed", { headers: { allow } })
  return answer()
}

export function searchOf({ target }: Incoming): string {
  const at = target.indexOf("?")
  return at < 0 ? "" : target.slice(at)
}

export function queryOf(request: Incoming): URLSearchParams {
  return new URLSearchParams(searchOf(request))
}

export async function formOf(request: Incoming): Promise<URLSearchParams> {
  const type = request.headers.get("content-type")?.split(";")[0]?.trim().toLowerCase()
  if (type !== "application/x-www-form-urlencoded")
    throw new RouterError("unsupported-media-type", { message: "The body must be a form." })
  try {
    const bytes = await request.body(MOST_FORM_BYTES, () => {})
    return new URLSearchParams(Buffer.from(bytes).toString())
  } catch (cause) {
    if (cause instanceof BodyTooLarge) throw new RouterError("body-too-large", { cause })
    if (cause instanceof BadFraming) throw new RouterError("invalid-request", { message: cause.message })
    throw new RouterError("client-closed", { cause })
  }
}

/** A path of this router, whatever was asked for: nobody is sent to another site from here. */
export function returnPath(asked: string | null, prefix: string): string {
  const fallback = `${prefix}/`
  if (asked === null || !/^\/(?![/\\])[\x21-\x7e]{0,2000}$/.test(asked) || asked.includes("\\")) return fallback
  const url = URL.canParse(asked, "http://router") ? new URL(asked, "http://router") : null
  if (url === null || url.origin !== "http://router" || url.pathname.startsWith("//")) return fallback
  const isOurs = url.pathname === prefix || url.pathname.startsWith(fallback)
  return isOurs ? url.pathname + url.search : fallback
}
