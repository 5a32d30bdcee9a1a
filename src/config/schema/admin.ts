/** Administration: sign-in, authorisation, browser reports. */
import type { z } from "zod"
import {
  amount,
  block,
  byDefault,
  choice,
  duration,
  flag,
  integer,
  key,
  list,
  optional,
  pattern,
  text,
  type Shape,
} from "./field.ts"
import { cidr, file, httpUrl, identifier } from "./forms.ts"

const LATER = { pending: true } as const
/** In the Basic scheme a colon ends the name (RFC 7617). */
const userName = (description: string): z.ZodType =>
  pattern(/^[^\s\p{C}:]{1,128}$/u, "1 to 128 printable characters without spaces and colons", description)
const domain: z.ZodType = pattern(
  /^(?:\*|[^\s\p{C}/*]+\/[^\s\p{C}/*]+)$/u,
  "project/environment, or * for all of them",
  "What is seen: the calls and callers of a project in an environment (`lab/prod`), or of all (`*`). Policies count by it.",
)
const environmentName = (description: string): z.ZodType =>
  pattern(/^[A-Za-z_][A-Za-z0-9_]*$/, "the name of an environment variable", description)

const basic: z.ZodType = byDefault(
  block(
    {
      enabled: byDefault(flag("Let administrators sign in with name and password."), false),
      realm: byDefault(
        pattern(
          /^[\x20-\x21\x23-\x5b\x5d-\x7e]{1,128}$/,
          "1 to 128 printable ASCII characters",
          "The realm that browsers show.",
        ),
        "smart-router",
      ),
      allow_insecure_http: byDefault(
        flag("Take passwords also without TLS. Only for a router that nobody reaches over a network."),
        false,
      ),
      trusted_proxy_cidrs: byDefault(
        list(
          cidr,
          "Proxies that end TLS: passwords are taken from them with `X-Forwarded-Proto: https`, and `X-Forwarded-For` tells whose failed sign-ins are counted.",
        ),
        [],
      ),
      users: byDefault(
        list(
          block(
            {
              username: userName("The name to sign in with."),
              password_hash_env: environmentName(
                "The environment variable (or name in `env.json`) that holds the bcrypt hash: `smart-router admin hash-password`.",
              ),
              subject: optional(key(identifier, "The subject in policies. Absent: `basic:<username>`.")),
              domain: byDefault(domain, "*"),
              permissions: byDefault(
                list(
                  text("A permission."),
                  "Permissions without a policy, as `object:action`: `admin:explain:read`, `admin:reports:read|export`.",
                ),
                [],
              ),
            },
            "An administrator.",
            { name: "BasicUser" },
          ),
          "The administrators.",
        ),
        [],
      ),
    },
    "Sign-in by password.",
    { name: "BasicAuth" },
  ),
  {},
)

const oidc: z.ZodType = byDefault(
  block(
    {
      enabled: byDefault(flag("Let administrators sign in through an identity provider."), false),
      issuer_url: optional(key(httpUrl, "The issuer.")),
      client_id_env: optional(environmentName("The environment variable that holds the client id.")),
      client_secret_env: optional(environmentName("The environment variable that holds the client secret.")),
      redirect_url: optional(key(httpUrl, "The address of /admin/auth/callback as browsers see it.")),
      scopes: byDefault(list(identifier, "The scopes to ask for."), ["openid", "email", "profile"]),
      allowed_domains: byDefault(list(identifier, "Mail domains that may sign in. Empty: any."), []),
      groups_claim: byDefault(key(identifier, "The claim that holds groups."), "groups"),
      email_claim: byDefault(key(identifier, "The claim that holds the address."), "email"),
      subject_claim: byDefault(key(identifier, "The claim that holds the subject."), "sub"),
      domain: byDefault(text("The policy domain."), "*"),
    },
    "Sign-in by OpenID Connect.",
    { ...LATER, name: "OidcAuth" },
  ),
  {},
)

const sessions: z.ZodType = byDefault(
  block(
    {
      cookie_name: byDefault(key(identifier, "The name of the session cookie."), "smart_router_admin_session"),
      ttl: byDefault(duration("How long a session lasts."), "8h"),
      secure_cookies: byDefault(flag("Cookies only over TLS."), true),
      same_site: byDefault(choice(["strict", "lax"], "The cookie's SameSite rule."), "strict"),
    },
    "Browser sessions.",
    { ...LATER, name: "AdminSessions" },
  ),
  {},
)

const authorization: z.ZodType = byDefault(
  block(
    {
      enabled: byDefault(flag("Decide by policies what administrators may do."), false),
      source: byDefault(choice(["static", "db"], "Where the policies are.", { pendingValues: ["db"] }), "static"),
      policy_file: optional(file("A file with policy lines; `#` begins a comment. It is read again at every reload.")),
      policy: byDefault(
        list(
          text("A policy line."),
          "Policy lines: `p, role, domain, object, action` grants, `g, subject, role, domain` gives a role.",
        ),
        [],
      ),
    },
    "Authorisation by Casbin policies with domains.",
    { name: "AdminAuthorization" },
  ),
  {},
)

export const adminAuth: z.ZodType = byDefault(
  block({ basic, oidc, sessions, authorization }, "Who may administrate: [administrators](admin.md).", {
    name: "AdminAuth",
  }),
  {},
)

const baseline: Shape = {
  id: key(identifier, "The id of the baseline."),
  name: optional(text("The name of the baseline.")),
  version: optional(text("The version of the baseline.")),
  input_price_per_million_usd: amount("Its price of input.", { max: 100_000, unit: "USD per million tokens" }),
  output_price_per_million_usd: amount("Its price of output.", { max: 100_000, unit: "USD per million tokens" }),
  pricing_source: optional(text("Where its prices come from.")),
  pricing_updated_at: optional(text("The date of its prices.")),
  notes: optional(text("Notes on the baseline.")),
}

export const adminReports: z.ZodType = byDefault(
  block(
    {
      enabled: byDefault(flag("Serve reports to browsers."), false),
      path_prefix: byDefault(
        pattern(/^\/[A-Za-z0-9/_-]*[A-Za-z0-9_-]$/, "a path such as /admin/reports", "Where the reports are."),
        "/admin/reports",
      ),
      default_since: byDefault(duration("The range that a report shows first."), "24h"),
      max_range: byDefault(duration("The longest range of a report."), "31d"),
      max_rows: byDefault(integer("The most rows of a table.", { min: 1, unit: "rows" }), 500),
      export_markdown: byDefault(flag("Offer reports as Markdown."), true),
      baselines: byDefault(
        list(block(baseline, "A price to compare with.", { name: "Baseline" }), "Prices to compare with."),
        [],
      ),
      security: byDefault(
        block(
          {
            enabled: byDefault(flag("Record who read what."), false),
            retention_days: byDefault(integer("How long that is kept.", { unit: "days" }), 90),
          },
          "The record of administrative access.",
          { name: "SecurityReports" },
        ),
        {},
      ),
    },
    "Reports in a browser.",
    { ...LATER, name: "AdminReports" },
  ),
  {},
)
