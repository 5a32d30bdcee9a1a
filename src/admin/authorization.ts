/**
 * What a subject may do, decided by Casbin: roles with domains. Made once per configuration, asked without waiting.
 * https://casbin.org/docs/rbac-with-domains
 */
import type { Enforcer } from "casbin"
import type { AdminRules } from "../config/compile/admin-rules.ts"

/** `*` as the domain of a policy holds in all domains; whoever acts in `*` needs such a policy. */
const MODEL = `
[request_definition]
r = sub, dom, obj, act
[policy_definition]
p = sub, dom, obj, act
[role_definition]
g = _, _, _
[policy_effect]
e = some(where (p.eft == allow))
[matchers]
m = r.obj == p.obj && r.act == p.act && (p.dom == "*" || p.dom == r.dom) && (g(r.sub, p.sub, r.dom) || g(r.sub, p.sub, "*"))
`

export class Authorization {
  /** Null: nothing is granted to anybody. */
  readonly #enforcer: Enforcer | null

  private constructor(enforcer: Enforcer | null) {
    this.#enforcer = enforcer
  }

  /** The library is loaded where something is granted. */
  static async open({ grants, roles }: AdminRules): Promise<Authorization> {
    if (grants.length === 0) return new Authorization(null)
    const { newEnforcer, newModelFromString } = await import("casbin")
    const enforcer = await newEnforcer(newModelFromString(MODEL))
    await enforcer.addPolicies(grants.map((grant) => [grant.subject, grant.domain, grant.object, grant.action]))
    if (roles.length > 0)
      await enforcer.addGroupingPolicies(roles.map((link) => [link.subject, link.role, link.domain]))
    return new Authorization(enforcer)
  }

  may(subject: string, domain: string, object: string, action: string): boolean {
    return this.#enforcer?.enforceSync(subject, domain, object, action) ?? false
  }
}
