/** Who is asking, and may they: for every path below `/admin/`, and for what policies grant to callers. */
import { CALLER_SUBJECT, type AdminRules } from "../config/check/admin-rules.ts"
import { OBJECTS } from "../config/check/policy-lines.ts"
import type { Caller, Snapshot } from "../config/snapshot.ts"
import { RouterError } from "../errors.ts"
import type { Incoming } from "../pipeline/message.ts"
import { Authorization } from "./authorization.ts"
import { domainOf } from "./domain.ts"
import { SignIn, type SignInTools } from "./sign-in.ts"

export interface Administrator {
  readonly source: "basic"
  readonly subject: string
  /** `project/environment`, or `*`: what they see. */
  readonly domain: string
}

export class Admin {
  readonly #signIn: SignIn
  readonly #authorizations = new WeakMap<AdminRules, Authorization>()

  constructor(tools: SignInTools) {
    this.#signIn = new SignIn(tools)
  }

  /** Must be done before the rules are in force. */
  async prepare(rules: AdminRules): Promise<void> {
    this.#authorizations.set(rules, await Authorization.open(rules))
  }

  /** @throws RouterError `not-found` where nobody can sign in; `unauthorized`, `sign-in-limited`, `admin-forbidden` */
  async signedIn(request: Incoming, { admin, clientIp }: Snapshot): Promise<Administrator> {
    if (admin.basic === null) throw new RouterError("not-found")
    const { subject, domain } = await this.#signIn.user(request, admin.basic, clientIp.store)
    return { source: "basic", subject, domain }
  }

  /** @throws RouterError `admin-forbidden`, and what `signedIn` throws */
  async permitted(request: Incoming, snapshot: Snapshot, object: string, action: string): Promise<Administrator> {
    const administrator = await this.signedIn(request, snapshot)
    const { subject, domain } = administrator
    if (!this.#may(snapshot.admin, subject, domain, object, action)) throw forbidden(administrator)
    return administrator
  }

  /** Is anything permitted to them? @throws RouterError as `permitted` */
  async welcome(request: Incoming, snapshot: Snapshot): Promise<Administrator> {
    const administrator = await this.signedIn(request, snapshot)
    const { subject, domain } = administrator
    for (const [object, actions] of Object.entries(OBJECTS))
      for (const action of actions) if (this.#may(snapshot.admin, subject, domain, object, action)) return administrator
    throw forbidden(administrator)
  }

  readsMetrics({ id, project, environment }: Caller, { admin }: Snapshot): boolean {
    return this.#may(admin, CALLER_SUBJECT + id, domainOf(project, environment), "metrics", "read")
  }

  #may(rules: AdminRules, subject: string, domain: string, object: string, action: string): boolean {
    return this.#authorizations.get(rules)?.may(subject, domain, object, action) ?? false
  }
}

function forbidden({ subject, domain }: Administrator): RouterError {
  return new RouterError("admin-forbidden", { who: { admin_subject: subject, admin_domain: domain } })
}
