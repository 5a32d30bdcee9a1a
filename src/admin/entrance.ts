/** `/admin/auth/`: signing in by a form or through a provider, signing out, and who one is. */
import type { AdminUser } from "../config/compile/admin-rules.ts"
import { hasDoor } from "../config/compile/admin-rules.ts"
import type { Snapshot } from "../config/snapshot.ts"
import { asRouterError, RouterError } from "../errors.ts"
import type { Incoming, Outgoing } from "../pipeline/message.ts"
import type { Clock } from "../system/clock.ts"
import type { Log } from "../system/log.ts"
import { type Admin, type Administrator, oidcPrint, providerAdministrator } from "./admin.ts"
import { expectSessionWay, formOf, onPage, queryOf, read, retryAfter, returnPath, searchOf } from "./at-the-door.ts"
import { addressOf, cameOverTls, expectOwnPage } from "./door.ts"
import { identityOf, whyRefused } from "./oidc/identity.ts"
import { PENDING_MS, PendingLogins } from "./oidc/pending-logins.ts"
import { type Flow, OidcProvider, SignInRefused } from "./oidc/provider.ts"
import { enteredPage, faultPage, signedOutPage, signInPage, signOutPage, STYLE_PATH, styleSheet } from "./pages.ts"
import { cookieOf, cookieText } from "./session/cookies.ts"
import { endOf, hashOf, type Signed } from "./session/sessions.ts"

export const ENTRANCE = "/admin/auth/"
export const SIGN_IN_PATH = "/admin/auth/login"

export interface EntranceTools {
  readonly admin: Admin
  readonly clock: Pick<Clock, "monotonicMs">
  readonly log: Log
}

/** What the record is told of the door. */
export interface Notes {
  /** `admin`: the sessions of somebody were ended. */
  readonly passed: (type: "sign_in" | "sign_out" | "admin", who: Pick<Administrator, "subject" | "domain">) => void
  /** An error that becomes a page. */
  readonly refused: (error: RouterError) => void
}

const LINK_MS = 86_400_000
/** A sign-in on its way must survive the way back from another site. */
const FLOW_SAME_SITE = "Lax"

interface PendingFlow extends Flow {
  readonly returnTo: string
}

export class Entrance {
  readonly #admin: Admin
  readonly #log: Log
  readonly #clock: EntranceTools["clock"]
  readonly #provider: OidcProvider
  readonly #pending = new PendingLogins()

  constructor({ admin, clock, log }: EntranceTools) {
    this.#admin = admin
    this.#clock = clock
    this.#log = log
    this.#provider = new OidcProvider(clock)
  }

  /** @throws RouterError `not-found`, `method-not-allowed`, and what belongs to answers for programs */
  async answer(request: Incoming, snapshot: Snapshot, notes: Notes): Promise<Outgoing> {
    if (!hasDoor(snapshot.admin)) throw new RouterError("not-found")
    const { path } = request
    if (path === STYLE_PATH) return read(request, () => styleSheet())
    if (path === `${ENTRANCE}me`) return read(request, () => this.#me(request, snapshot))
    if (path === SIGN_IN_PATH)
      return request.method === "POST"
        ? this.#typed(request, snapshot, notes)
        : onPage(notes, () => read(request, () => this.#login(request, snapshot), "GET, HEAD, POST"))
    if (path === `${ENTRANCE}callback`)
      return onPage(notes, () => read(request, () => this.#callback(request, snapshot, notes)))
    if (path === `${ENTRANCE}once`)
      return onPage(notes, () => read(request, () => this.#once(request, snapshot, notes)))
    if (path === `${ENTRANCE}logout`)
      return request.method === "POST"
        ? this.#signOut(request, snapshot, notes)
        : read(request, signOutPage, "GET, HEAD, POST")
    if (path === `${ENTRANCE}revoke`) {
      if (request.method !== "POST") throw new RouterError("method-not-allowed", { headers: { allow: "POST" } })
      return this.#revoke(request, snapshot, notes)
    }
    throw new RouterError("not-found")
  }

  /** The path of a link by which the user of that name signs in, once. */
  async linkFor(username: string): Promise<string> {
    return `${ENTRANCE}once?key=${await this.#admin.sessions.leave("link", { username }, LINK_MS)}`
  }

  async #login(request: Incoming, { admin: rules }: Snapshot): Promise<Outgoing> {
    expectSessionWay(request, { admin: rules })
    const query = queryOf(request)
    const returnTo = returnPath(query.get("return_to"), rules.reportsPrefix)
    const isAsked = query.get("with") === "oidc" || rules.basic === null
    if (rules.oidc === null || !isAsked)
      return signInPage({ hasPassword: rules.basic !== null, hasProvider: rules.oidc !== null, returnTo })
    const taken = this.#pending.add(addressOf(request, rules.door), this.#clock.monotonicMs())
    if (taken === null) throw new RouterError("oidc-login-rate-limited", { retryAfterS: 60 })
    const { sessions } = this.#admin
    const { secret: late } = taken.displaced ?? { secret: null }
    if (late !== null) await sessions.takeBack("flow", late)
    const { url, flow } = await this.#provider.begin(rules.oidc)
    const pending: PendingFlow = { ...flow, returnTo }
    const secret = await sessions.leave("flow", pending, PENDING_MS)
    taken.place.secret = secret
    const options = {
      isSecure: cameOverTls(request, rules.door),
      sameSite: FLOW_SAME_SITE,
      maxAgeMs: PENDING_MS,
    } as const
    const cookie = cookieText(`${rules.sessions.cookieName}_flow`, secret, options)
    return { status: 302, headers: { location: url, "set-cookie": cookie }, body: "" }
  }

  /** The way back from the provider. A flow is taken once, so that a code that comes again meets none. */
  async #callback(request: Incoming, { admin: rules, clientIp }: Snapshot, notes: Notes): Promise<Outgoing> {
    const { oidc } = rules
    if (oidc === null) throw new RouterError("not-found")
    expectSessionWay(request, { admin: rules })
    const isSecure = cameOverTls(request, rules.door)
    const secret = cookieOf(request, `${rules.sessions.cookieName}_flow`, isSecure)
    const flow = secret === null ? null : ((await this.#admin.sessions.takeBack("flow", secret)) as PendingFlow | null)
    if (flow === null)
      throw new RouterError("unauthorized", {
        message: "This sign-in was used already, took too long, or began in another browser.",
      })
    if (secret !== null) this.#pending.end(secret)
    try {
      const claims = await this.#provider.end(searchOf(request), flow, oidc)
      const identity = identityOf(claims, oidc)
      if (identity === null) throw new SignInRefused("the claims name nobody")
      const why = whyRefused(identity, oidc)
      if (why !== null) throw new SignInRefused(why)
      const { subject, domain } = providerAdministrator(identity, rules)
      const cookie = await this.#begin(
        request,
        { admin: rules },
        { source: "oidc", identity },
        subject,
        oidcPrint(oidc),
      )
      notes.passed("sign_in", { subject, domain })
      const page = enteredPage(flow.returnTo)
      return { ...page, headers: { ...page.headers, "set-cookie": cookie } }
    } catch (error) {
      if (!(error instanceof SignInRefused)) throw error
      const where = clientIp.store ? { address: addressOf(request, rules.door) } : {}
      this.#log.warn("an administrator could not sign in through the provider", { reason: error.message, ...where })
      throw new RouterError("unauthorized", {
        message: "The identity provider's answer does not let you in.",
        cause: error,
      })
    }
  }

  async #typed(request: Incoming, snapshot: Snapshot, notes: Notes): Promise<Outgoing> {
    const { admin: rules, clientIp } = snapshot
    const { basic } = rules
    let returnTo = rules.reportsPrefix
    try {
      expectSessionWay(request, snapshot)
      expectOwnPage(request, rules.door, true)
      if (basic === null) throw new RouterError("not-found")
      const form = await formOf(request)
      returnTo = returnPath(form.get("return_to"), rules.reportsPrefix)
      const username = form.get("username") ?? ""
      const given = { name: username, password: form.get("password") ?? "" }
      const user = await this.#admin.signIn.typed(given, request, { ...rules, basic }, clientIp.store)
      const cookie = await this.#beginFor(username, user, request, snapshot, notes)
      return { status: 303, headers: { location: returnTo, "set-cookie": cookie }, body: "" }
    } catch (thrown) {
      const error = asRouterError(thrown)
      if (error.code === "internal-error") throw thrown
      notes.refused(error)
      const { message } = error
      const page = signInPage(
        { hasPassword: basic !== null, hasProvider: rules.oidc !== null, returnTo, message },
        error.status,
      )
      return { ...page, headers: { ...page.headers, ...retryAfter(error) } }
    }
  }

  async #once(request: Incoming, snapshot: Snapshot, notes: Notes): Promise<Outgoing> {
    // a browser that looks ahead must not use the link up
    if (request.headers.get("sec-purpose") !== null) return faultPage(503, "Open the link itself.")
    expectSessionWay(request, snapshot)
    const link = (await this.#admin.sessions.takeBack("link", queryOf(request).get("key") ?? "")) as {
      readonly username: string
    } | null
    const user = link === null ? undefined : snapshot.admin.basic?.users.get(link.username)
    if (link === null || user === undefined)
      throw new RouterError("unauthorized", { message: "This link was used already, or its time is over." })
    const cookie = await this.#beginFor(link.username, user, request, snapshot, notes)
    const page = enteredPage(`${snapshot.admin.reportsPrefix}/`)
    return { ...page, headers: { ...page.headers, "set-cookie": cookie } }
  }

  async #beginFor(
    username: string,
    { subject, domain, passwordHash }: AdminUser,
    request: Incoming,
    snapshot: Snapshot,
    notes: Notes,
  ): Promise<string> {
    const cookie = await this.#begin(request, snapshot, { source: "basic", username }, subject, hashOf(passwordHash))
    notes.passed("sign_in", { subject, domain })
    return cookie
  }

  /** @returns the cookie; the session that the browser had has ended */
  async #begin(
    request: Incoming,
    { admin: { sessions: rules, door } }: Pick<Snapshot, "admin">,
    signed: Signed,
    subject: string,
    print: string,
  ): Promise<string> {
    const { sessions } = this.#admin
    const isSecure = cameOverTls(request, door)
    const before = cookieOf(request, rules.cookieName, isSecure)
    if (before !== null) await sessions.end(before)
    const secret = await sessions.begin(signed, subject, print, rules)
    return cookieText(rules.cookieName, secret, { isSecure, sameSite: rules.sameSite, maxAgeMs: rules.ttlMs })
  }

  async #me(request: Incoming, snapshot: Snapshot): Promise<Outgoing> {
    const who = await this.#admin.signedIn(request, snapshot)
    const { source, subject, domain, session } = who
    const endsAt = session === null ? null : new Date(endOf(session.session, snapshot.admin.sessions)).toISOString()
    const permissions = this.#admin.permissions(who, snapshot.admin)
    const me = {
      ok: true,
      source,
      subject,
      domain,
      permissions,
      session_ends_at: endsAt,
      reports: snapshot.admin.reportsPrefix,
    }
    return { status: 200, headers: { "content-type": "application/json" }, body: JSON.stringify(me) }
  }

  /** Ends all sessions of a subject: for administrators of everything. */
  async #revoke(request: Incoming, snapshot: Snapshot, notes: Notes): Promise<Outgoing> {
    const who = await this.#admin.permitted(request, snapshot, "admin:auth", "revoke")
    if (who.domain !== "*") throw new RouterError("admin-forbidden")
    const subject = (await formOf(request)).get("subject") ?? ""
    if (subject === "" || subject.length > 300)
      throw new RouterError("invalid-request", {
        param: "subject",
        message: "`subject` must be that of an administrator.",
      })
    await this.#admin.sessions.revoke(subject, snapshot.admin.sessions)
    notes.passed("admin", who)
    return { status: 200, headers: { "content-type": "application/json" }, body: JSON.stringify({ ok: true, subject }) }
  }

  async #signOut(request: Incoming, snapshot: Snapshot, notes: Notes): Promise<Outgoing> {
    const { admin: rules } = snapshot
    const who = await this.#admin.bySession(request, rules)
    expectOwnPage(request, rules.door, true)
    const isSecure = cameOverTls(request, rules.door)
    if (who !== null && who.session !== null) {
      await this.#admin.sessions.end(who.session.secret)
      notes.passed("sign_out", who)
    }
    const isKnownThere = who?.source === "oidc" && rules.oidc !== null
    const page = signedOutPage(isKnownThere && rules.oidc !== null ? await this.#provider.signOutUrl(rules.oidc) : null)
    const { cookieName, sameSite } = rules.sessions
    const cookie = cookieText(cookieName, "", { isSecure, sameSite, maxAgeMs: 0 })
    return { ...page, headers: { ...page.headers, "set-cookie": cookie } }
  }
}
