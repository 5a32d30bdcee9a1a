import type { AdminRules, RoleLink } from "../config/compile/admin-rules.ts"

/** The domain of what callers do. */
export function domainOf(project: string, environment: string): string {
  return `${project}/${environment}`
}

/**
 * Does an administrator of `domain` see it? The configuration takes only domains with one slash, so that a name with a
 * slash of its own is seen by administrators of `*` alone.
 */
export function sees(domain: string, project: string, environment: string): boolean {
  return domain === "*" || domain === domainOf(project, environment)
}

/**
 * What those see who come through the provider: what `oidc.domain` names, else what policies say of their subjects. `*` where
 * one of them holds in all domains; of several domains the one that stands first.
 */
export function providerDomain(
  subjects: readonly string[],
  { oidc, grants, roles }: Pick<AdminRules, "oidc" | "grants" | "roles">,
): string {
  const named = oidc?.domain ?? "*"
  if (named !== "*") return named
  const domains = new Set<string>()
  // each subject or role with the domain in which it is had
  const held = new Map<string, readonly [subject: string, domain: string]>()
  const hold = (subject: string, domain: string): void => void held.set(`${domain} ${subject}`, [subject, domain])
  for (const subject of subjects) hold(subject, "*")
  for (const [holder, domain] of held.values()) {
    for (const grant of grants) if (grant.subject === holder) domains.add(both(domain, grant.domain) ?? "")
    // a domain that roles lead to stays the same from one to the next
    for (const link of roles)
      if (link.subject === holder && isOpen(domain, link, subjects)) hold(link.role, link.domain)
  }
  domains.delete("")
  const [first = named] = domains
  return domains.has("*") ? "*" : first
}

/** Casbin follows roles of roles within one domain. */
function isOpen(domain: string, link: RoleLink, subjects: readonly string[]): boolean {
  return link.domain === domain || subjects.includes(link.subject)
}

/** Where both hold; null: nowhere. */
function both(one: string, other: string): string | null {
  if (one === "*" || one === other) return other
  return other === "*" ? one : null
}
