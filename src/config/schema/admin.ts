/** Administration: sign-in, authorisation. */
import type { z } from "zod"
import {
  block,
  byDefault,
  choice,
  duration,
  flag,
  key,
  list,
  optional,
  pattern,
  ruled,
  text,
  type Rule,
} from "./field.ts"
import { cidr, file, httpUrl, identifier } from "./forms.ts"

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

const mailDomain: z.ZodType = pattern(
  /^(?=.{1,253}$)[a-z0-9-]+(?:\.[a-z0-9-]+)+$/i,
  "a mail domain such as example.com",
  "A mail domain.",
)

/** Whoever has an account at the provider would come in where nothing says who may. */
const oidcIsWhole: Rule = (value) => {
  if (value["enabled"] !== true) return null
  for (const name of ["issuer_url", "client_id_env", "redirect_url"])
    if (value[name] === undefined) return { path: [name], message: `OpenID Connect needs ${name}.` }
  const isEmpty = (name: string): boolean => Array.isArray(value[name]) && value[name].length === 0
  if (isEmpty("allowed_domains") && isEmpty("allowed_groups"))
    return {
      path: ["allowed_domains"],
      message:
        "OpenID Connect needs allowed_domains or allowed_groups: without, every account of the provider may sign in.",
    }
  const redirect = String(value["redirect_url"])
  if (new URL(redirect).pathname !== "/admin/auth/callback" || redirect.includes("?"))
    return { path: ["redirect_url"], message: "The address must end with /admin/auth/callback." }
  for (const name of ["issuer_url", "redirect_url"])
    if (!isPrivateOnTheWay(String(value[name])))
      return { path: [name], message: "This must be an https:// URL: http:// is for this machine alone." }
  return null
}

function isPrivateOnTheWay(url: string): boolean {
  const { protocol, hostname } = new URL(url)
  return protocol === "https:" || /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/.test(hostname)
}

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
        flag(
          "Let administrators in also without TLS, both ways. Only for a router that nobody reaches over a network.",
        ),
        false,
      ),
      trusted_proxy_cidrs: byDefault(
        list(
          cidr,
          "Proxies that end TLS: administrators are let in from them with `X-Forwarded-Proto: https`, and `X-Forwarded-For` tells whose failed sign-ins are counted. Counts for both ways to sign in.",
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
  ruled(
    block(
      {
        enabled: byDefault(flag("Let administrators sign in through an identity provider (OpenID Connect)."), false),
        issuer_url: optional(
          key(httpUrl, "The issuer, exactly as its tokens name it: `https://`, or `http://` on this machine."),
        ),
        client_id_env: optional(environmentName("The environment variable that holds the client id.")),
        client_secret_env: optional(
          environmentName(
            "The environment variable that holds the client secret. Absent: a public client, with PKCE alone.",
          ),
        ),
        redirect_url: optional(
          key(httpUrl, "The address of `/admin/auth/callback` as browsers see it. It is never taken from a request."),
        ),
        scopes: byDefault(list(identifier, "The scopes to ask for; `openid` is always asked for."), [
          "openid",
          "email",
          "profile",
        ]),
        allowed_domains: byDefault(
          list(
            mailDomain,
            "Everybody who signs in needs an address that the provider has verified, in one of these mail domains. Empty: any address, or none.",
          ),
          [],
        ),
        allowed_groups: byDefault(
          list(
            text("The name of a group."),
            "Who signs in needs to be in one of these groups. Empty: in any, or none.",
          ),
          [],
        ),
        groups_claim: byDefault(key(identifier, "The claim that holds groups, as a list of names."), "groups"),
        email_claim: byDefault(key(identifier, "The claim that holds the address."), "email"),
        subject_claim: byDefault(
          key(identifier, "The claim that names those without a verified address: `oidc:<claim>` in policies."),
          "sub",
        ),
        domain: byDefault(
          key(
            domain,
            "What all see who come in this way: a project in an environment (`lab/prod`). `*`: what policies say of each.",
          ),
          "*",
        ),
      },
      "Sign-in by OpenID Connect.",
      { name: "OidcAuth" },
    ),
    oidcIsWhole,
  ),
  {},
)

const sessions: z.ZodType = byDefault(
  block(
    {
      cookie_name: byDefault(
        pattern(
          /^[A-Za-z0-9_-]{1,64}$/,
          "1 to 64 letters, digits, - and _",
          "The name of the session cookie; over TLS with `__Host-` before it.",
        ),
        "smart_router_admin_session",
      ),
      ttl: byDefault(duration("How long a session lasts at most."), "8h"),
      idle_ttl: byDefault(duration("How long a session lasts without a request."), "1h"),
      secure_cookies: byDefault(
        flag("Sessions begin over TLS only. Off: also without, where `allow_insecure_http` is on."),
        true,
      ),
      same_site: byDefault(choice(["strict", "lax"], "The cookie's SameSite rule."), "strict"),
    },
    "Sessions of browsers, of both ways to sign in.",
    { name: "AdminSessions" },
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
