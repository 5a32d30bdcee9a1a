/** How administrators come in: through which doors, for how long, and to which reports. */
import type { OidcRules, ReportRules, SessionRules } from "../compile/admin-rules.ts"
import type { AdminAuth, AdminReports, AdminSessions, Config } from "../config.ts"
import type { Report } from "../findings.ts"
import type { Path } from "../schema/inspect.ts"
import type { OpenedSources } from "../read/sources.ts"

const DAY_MS = 86_400_000
const HERE: Path = ["server", "admin_auth"]

interface Tools {
  readonly config: Config
  readonly auth: AdminAuth
  readonly sources: Pick<OpenedSources, "variable">
  readonly report: Report
}

/** Null: off, or a variable is missing, which is reported. */
export function oidcRules({ auth: { oidc }, sources, report }: Tools): OidcRules | null {
  if (!oidc.enabled) return null
  const value = (key: "client_id_env" | "client_secret_env"): string | null => {
    const name = oidc[key]
    if (name === undefined) return null
    const found = sources.variable(name) ?? ""
    const path = [...HERE, "oidc", key]
    if (found === "") report({ code: "missing-variable", path, message: `${name} has no value.` })
    return found
  }
  return {
    issuer: oidc.issuer_url ?? "",
    clientId: value("client_id_env") ?? "",
    clientSecret: value("client_secret_env"),
    redirectUrl: oidc.redirect_url ?? "",
    scopes: [...new Set(["openid", ...oidc.scopes])],
    allowedDomains: oidc.allowed_domains.map((domain) => domain.toLowerCase()),
    allowedGroups: oidc.allowed_groups,
    claims: { groups: oidc.groups_claim, email: oidc.email_claim, subject: oidc.subject_claim },
    domain: oidc.domain,
  }
}

export function sessionRules(sessions: AdminSessions): SessionRules {
  return {
    cookieName: sessions.cookie_name,
    ttlMs: sessions.ttl,
    idleMs: Math.min(sessions.idle_ttl, sessions.ttl),
    needsTls: sessions.secure_cookies,
    sameSite: sessions.same_site === "lax" ? "Lax" : "Strict",
  }
}

export function reportRules(reports: AdminReports): ReportRules | null {
  if (!reports.enabled) return null
  const { enabled: servesSecurity, retention_days: days } = reports.security
  return {
    prefix: reports.path_prefix,
    defaultSinceMs: Math.min(reports.default_since, reports.max_range),
    maxRangeMs: reports.max_range,
    maxRows: reports.max_rows,
    servesMarkdown: reports.export_markdown,
    servesSecurity,
    securityKeptMs: servesSecurity && days > 0 ? days * DAY_MS : null,
  }
}

/** The listener speaks plain HTTP: is there a way in at all, and is it a safe one? */
export function reportDoor({ config, auth, report }: Tools): void {
  const { basic, oidc, sessions, authorization } = auth
  const path = [...HERE, "basic"]
  const warn = (code: "no-effect" | "cleartext-password" | "nothing-allowed", at: Path, message: string): void =>
    report({ severity: "warning", code, path: at, message })
  if (config.server.admin_reports.enabled && !basic.enabled && !oidc.enabled)
    warn("no-effect", ["server", "admin_reports", "enabled"], "Nobody can sign in, so nobody can read reports.")
  if (!basic.enabled && !oidc.enabled) return
  if (basic.enabled && basic.users.length === 0)
    warn("no-effect", [...path, "enabled"], "There are no users, so nobody can sign in by password.")
  if (oidc.enabled && !authorization.enabled)
    warn(
      "nothing-allowed",
      [...HERE, "oidc", "enabled"],
      "Policies are off: everything is forbidden to those who sign in through the provider.",
    )
  const { allow_insecure_http: allowsHttp, trusted_proxy_cidrs: proxies } = basic
  if (allowsHttp && !/^(?:127\.|localhost:|\[::1\]:)/.test(config.server.listen))
    warn(
      "cleartext-password",
      [...path, "allow_insecure_http"],
      "Passwords are taken without TLS from everybody who reaches the listener, and can be read on the way.",
    )
  if (allowsHttp && !sessions.secure_cookies) return
  if (proxies.length > 0) return
  if (!allowsHttp)
    warn(
      "no-effect",
      [...(basic.enabled ? path : [...HERE, "oidc"]), "enabled"],
      "The listener speaks plain HTTP, and administrators are let in over HTTPS only: nobody can sign in until basic.trusted_proxy_cidrs names the proxy that ends TLS (and sends X-Forwarded-Proto: https).",
    )
  else if (oidc.enabled || config.server.admin_reports.enabled)
    warn(
      "no-effect",
      [...HERE, "sessions", "secure_cookies"],
      "Without TLS no browser gets a session: it needs a proxy of basic.trusted_proxy_cidrs, or secure_cookies: false.",
    )
}
