/** Who may administrate, as the running router sees it. */
import type { BlockList } from "node:net"

/** `p`: whoever is `subject`, or has the role of that name, may do `action` to `object` in `domain` (`*`: in all). */
export interface Grant {
  readonly subject: string
  readonly domain: string
  readonly object: string
  readonly action: string
}

/** `g`: `subject` has `role` in `domain` (`*`: in all). */
export interface RoleLink {
  readonly subject: string
  readonly role: string
  readonly domain: string
}

export interface AdminUser {
  readonly subject: string
  /** `project/environment`, or `*`. */
  readonly domain: string
  /** bcrypt. */
  readonly passwordHash: string
}

/** How administrators reach the router. */
export interface DoorRules {
  /** Also without TLS. */
  readonly allowsHttp: boolean
  /** Proxies whose word on TLS and on addresses counts; null: none. */
  readonly trusted: BlockList | null
}

/** Sign-in by name and password. */
export interface BasicRules {
  readonly realm: string
  readonly users: ReadonlyMap<string, AdminUser>
}

/** Sign-in through an identity provider. */
export interface OidcRules {
  readonly issuer: string
  readonly clientId: string
  /** Null: a public client. */
  readonly clientSecret: string | null
  readonly redirectUrl: string
  readonly scopes: readonly string[]
  /** Lower case. Empty: no address is needed. */
  readonly allowedDomains: readonly string[]
  /** Empty: no group is needed. */
  readonly allowedGroups: readonly string[]
  readonly claims: { readonly groups: string; readonly email: string; readonly subject: string }
  /** `project/environment`, or `*`. */
  readonly domain: string
}

export interface SessionRules {
  /** Without `__Host-`. */
  readonly cookieName: string
  readonly ttlMs: number
  readonly idleMs: number
  readonly needsTls: boolean
  readonly sameSite: "Strict" | "Lax"
}

/** What is served to administrators, and within which bounds. */
export interface ReportRules {
  /** `/admin/reports`: no slash at its end. */
  readonly prefix: string
  readonly defaultSinceMs: number
  readonly maxRangeMs: number
  readonly maxRows: number
  readonly servesMarkdown: boolean
  readonly servesSecurity: boolean
  /** How long security events are kept; null: for good. */
  readonly securityKeptMs: number | null
}

export interface AdminRules {
  readonly door: DoorRules
  /** Null: not by password. */
  readonly basic: BasicRules | null
  /** Null: not through a provider. */
  readonly oidc: OidcRules | null
  readonly sessions: SessionRules
  /** Null: reports are off. */
  readonly reports: ReportRules | null
  /** Where reports would be. */
  readonly reportsPrefix: string
  /** Those of policies, of users and of callers. */
  readonly grants: readonly Grant[]
  readonly roles: readonly RoleLink[]
}

/** As it is read from a file, and can be handed from thread to thread. */
export interface LoadedAdminRules extends Omit<AdminRules, "door"> {
  readonly door: Pick<DoorRules, "allowsHttp">
}

export const NO_ADMIN: LoadedAdminRules & AdminRules = {
  door: { allowsHttp: false, trusted: null },
  basic: null,
  oidc: null,
  sessions: {
    cookieName: "smart_router_admin_session",
    ttlMs: 8 * 3_600_000,
    idleMs: 3_600_000,
    needsTls: true,
    sameSite: "Strict",
  },
  reports: null,
  reportsPrefix: "/admin/reports",
  grants: [],
  roles: [],
}

/** Can anybody sign in at all? */
export function hasDoor({ basic, oidc }: Pick<AdminRules, "basic" | "oidc">): boolean {
  return basic !== null || oidc !== null
}

/** How policies name a caller. Nobody who signs in has such a subject. */
export const CALLER_SUBJECT = "caller:"

/** How policies name who signed in through a provider: by a verified address, or by the subject claim. */
export const MAIL_SUBJECT = "user:"
export const OIDC_SUBJECT = "oidc:"
/** How policies name everybody in a group of the provider. */
export const GROUP_SUBJECT = "group:"
