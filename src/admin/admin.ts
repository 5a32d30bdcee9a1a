/** Tells which administrator asks and what policies permit them, and what policies grant to callers. */
import { CALLER_SUBJECT, hasDoor, type AdminRules } from "../config/compile/admin-rules.ts"
import { OBJECTS } from "../config/check/policy-lines.ts"
import type { Caller, Snapshot } from "../config/snapshot.ts"
import type { ErrorCode } from "../error-catalogue.ts"
import { RouterError } from "../errors.ts"
import type { Incoming } from "../pipeline/message.ts"
import { Authorization } from "./authorization.ts"
import { cameOverTls, expectOwnPage, expectSafeWay } from "./door.ts"
import { domainOf, providerDomain } from "./domain.ts"
import { groupSubjects, subjectOf, whyRefused } from "./oidc/identity.ts"
import { cookieOf } from "./session/cookies.ts"
import { hashOf, type Identity, type Session, Sessions, type SessionTools } from "./session/sessions.ts"
import { SignIn, type SignInTools } from "./sign-in.ts"

export interface Administrator {
  /** By password, or through a provider. */
  readonly source: "basic" | "oidc"
  readonly subject: string
  /** `project/environment`, or `*`: what they see. */
  readonly domain: string
  /** Further subjects that policies may name: `group:<name>`. */
  readonly groups: readonly string[]
  /** Null: the password came with the request. */
  readonly session: { readonly secret: string; readonly session: Session } | null
}

export type AdminTools = SignInTools & SessionTools

/** Its sessions are closed with it. */
export class Admin {
  readonly signIn: SignIn
  readonly sessions: Sessions
  readonly #authorizations = new WeakMap<AdminRules, Authorization>()

  constructor(tools: AdminTools) {
    this.signIn = new SignIn(tools)
    this.sessions = new Sessions(tools)
  }

  /** Must be done before the rules are in force. */
  async prepare(rules: AdminRules): Promise<void> {
    this.#authorizations.set(rules, await Authorization.open(rules))
  }

  /**
   * By the password that the request carries, else by its session.
   * @throws RouterError `not-found` where nobody can sign in; `unauthorized`, `sign-in-limited`, `admin-forbidden`,
   * `cross-site-request`, `shared-state-unavailable`
   */
  async signedIn(request: Incoming, { admin: rules, clientIp }: Snapshot): Promise<Administrator> {
    if (!hasDoor(rules)) throw new RouterError("not-found")
    expectSafeWay(request, rules.door)
    const hasPassword = request.headers.get("authorization") !== null
    const found = hasPassword ? null : await this.bySession(request, rules)
    if (isChange(request)) expectOwnPage(request, rules.door, found !== null)
    if (found !== null) return found
    if (rules.basic === null) throw new RouterError("unauthorized", { message: "Sign in at /admin/auth/login." })
    const { subject, domain } = await this.signIn.user(request, { ...rules, basic: rules.basic }, clientIp.store)
    return { source: "basic", subject, domain, groups: [], session: null }
  }

  /** Null: the request has no session that counts. @throws RouterError `shared-state-unavailable` */
  async bySession(request: Incoming, rules: AdminRules): Promise<Administrator | null> {
    const isSecure = cameOverTls(request, rules.door)
    if (!isSecure && (rules.sessions.needsTls || !rules.door.allowsHttp)) return null
    const secret = cookieOf(request, rules.sessions.cookieName, isSecure)
    if (secret === null) return null
    const session = await this.sessions.find(secret, rules.sessions)
    if (session === null) return null
    const who = administratorOf(session, rules)
    if (who !== null) return { ...who, session: { secret, session } }
    // who was taken out signs in again when they are back
    await this.sessions.end(secret)
    return null
  }

  /** @throws RouterError with `code`, and what `signedIn` throws */
  async permitted(
    request: Incoming,
    snapshot: Snapshot,
    object: string,
    action: string,
    code: ErrorCode = "admin-forbidden",
  ): Promise<Administrator> {
    const administrator = await this.signedIn(request, snapshot)
    if (!this.may(administrator, snapshot.admin, object, action)) throw forbidden(code, administrator)
    return administrator
  }

  /** Is anything permitted to them? @throws RouterError as `permitted` */
  async welcome(request: Incoming, snapshot: Snapshot): Promise<Administrator> {
    const administrator = await this.signedIn(request, snapshot)
    if (this.permissions(administrator, snapshot.admin).length === 0) throw forbidden("admin-forbidden", administrator)
    return administrator
  }

  /** Everything that is permitted to them. */
  permissions(administrator: Administrator, rules: AdminRules): readonly { object: string; actions: string[] }[] {
    return Object.entries(OBJECTS).flatMap(([object, known]) => {
      const actions = known.filter((action) => this.may(administrator, rules, object, action))
      return actions.length === 0 ? [] : [{ object, actions }]
    })
  }

  may({ subject, groups, domain }: Administrator, rules: AdminRules, object: string, action: string): boolean {
    const authorization = this.#authorizations.get(rules)
    return [subject, ...groups].some((one) => authorization?.may(one, domain, object, action) ?? false)
  }

  close(): void {
    this.sessions.close()
  }

  readsMetrics(caller: Caller, snapshot: Snapshot): boolean {
    const domain = domainOf(caller.project, caller.environment)
    return this.callerMay(caller, snapshot, domain, "metrics", "read")
  }

  callerMay({ id }: Caller, { admin }: Snapshot, domain: string, object: string, action: string): boolean {
    return this.#authorizations.get(admin)?.may(CALLER_SUBJECT + id, domain, object, action) ?? false
  }
}

/** Of whom the record tells that it was refused. */
export function forbidden(
  code: ErrorCode,
  { subject, domain }: Pick<Administrator, "subject" | "domain">,
): RouterError {
  return new RouterError(code, { who: { admin_subject: subject, admin_domain: domain } })
}

type Who = Omit<Administrator, "session">

/** Null: the configuration does not know them any more, or not in this way. */
export function administratorOf(session: Session, rules: AdminRules): Who | null {
  if (session.source === "basic") {
    const user = rules.basic?.users.get(session.username)
    if (user === undefined || session.print !== hashOf(user.passwordHash)) return null
    return { source: "basic", subject: user.subject, domain: user.domain, groups: [] }
  }
  const { oidc } = rules
  const { identity, print } = session
  if (oidc === null || print !== oidcPrint(oidc) || whyRefused(identity, oidc) !== null) return null
  return { source: "oidc", ...providerAdministrator(identity, rules) }
}

export function providerAdministrator(
  identity: Identity,
  rules: Pick<AdminRules, "oidc" | "grants" | "roles">,
): Pick<Who, "subject" | "domain" | "groups"> {
  const [subject, groups] = [subjectOf(identity), groupSubjects(identity)]
  return { subject, domain: providerDomain([subject, ...groups], rules), groups }
}

/** Of the provider and the client: sessions of another one do not count. */
export function oidcPrint({ issuer, clientId }: NonNullable<AdminRules["oidc"]>): string {
  return hashOf(JSON.stringify([issuer, clientId]))
}

function isChange({ method }: Incoming): boolean {
  return method !== "GET" && method !== "HEAD"
}
