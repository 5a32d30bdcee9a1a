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

/** Sign-in by name and password. */
export interface BasicRules {
  readonly realm: string
  readonly allowsHttp: boolean
  /** Proxies whose word on TLS and on addresses counts; null: none. */
  readonly trusted: BlockList | null
  readonly users: ReadonlyMap<string, AdminUser>
}

export interface AdminRules {
  /** Null: nobody can sign in. */
  readonly basic: BasicRules | null
  /** Those of policies, of users and of callers. */
  readonly grants: readonly Grant[]
  readonly roles: readonly RoleLink[]
}

/** As it is read from a file, and can be handed from thread to thread. */
export interface LoadedAdminRules extends Omit<AdminRules, "basic"> {
  readonly basic: Omit<BasicRules, "trusted"> | null
}

export const NO_ADMIN: LoadedAdminRules & AdminRules = { basic: null, grants: [], roles: [] }

/** How policies name a caller. Nobody who signs in has such a subject. */
export const CALLER_SUBJECT = "caller:"
