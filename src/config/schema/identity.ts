/** `users:`, `projects:`, `project_memberships:`, `callers:` — who may call. */
import type { z } from "zod"
import { block, byDefault, flag, key, list, optional, pattern, table, text } from "./field.ts"
import { ownContentCapture } from "./capture.ts"
import { callerStatus, displayName, identifier, instant, sha256, status } from "./forms.ts"
import { callerShaping, lifetimeKey, quota, rate, spend, spendCeiling } from "./limits.ts"

export const user: z.ZodType = block(
  {
    id: key(identifier, "The id that memberships and callers refer to."),
    name: optional(displayName),
    type: byDefault(key(identifier, "`person`, `service_account`, or any other label."), "person"),
    status: byDefault(status, "active"),
  },
  "A person or a service that owns callers.",
  { name: "UserConfig" },
)

export const project: z.ZodType = block(
  {
    id: key(identifier, "The id that memberships and callers refer to."),
    name: optional(displayName),
    status: byDefault(status, "active"),
    rate,
    quota,
    spend,
  },
  "What calls are made for. Its limits are shared by all of its callers.",
  { name: "ProjectConfig" },
)

export const membership: z.ZodType = block(
  {
    user_id: key(identifier, "The user."),
    project: key(identifier, "The project."),
    role: byDefault(key(identifier, "`developer`, `operator`, `owner`, `auditor`, or any other label."), "developer"),
    status: byDefault(status, "active"),
  },
  "That a user belongs to a project.",
  { name: "MembershipConfig" },
)

const tokenId = (description: string): z.ZodType =>
  byDefault(pattern(/^[^\s\p{C}]{0,256}$/u, "at most 256 printable characters without spaces", description, {}), "")

const token: z.ZodType = block(
  {
    token_sha256: key(sha256, "SHA-256 of the raw token."),
    token_id: tokenId("The public part of the token; may appear in logs and reports."),
    expires_at: optional(key(instant, "From then on the token is refused.")),
  },
  "A further token of the same caller.",
  { name: "CallerToken" },
)

const identity = {
  id: key(identifier, "The id under which calls are recorded."),
  token_sha256: key(sha256, "SHA-256 of the raw token, which is stored nowhere."),
  token_id: tokenId("The public part of the token; may appear in logs and reports."),
  token_expires_at: optional(
    key(instant, "From then on the token is refused; the further ones have their own `expires_at`."),
  ),
  tokens: byDefault(list(token, "Further tokens: rotation keeps the caller's budgets."), []),
}

/** What no two callers have in common. */
export const callerIdentity: z.ZodType = block(identity, "")

export const caller: z.ZodType = block(
  {
    id: identity.id,
    owner_user: key(identifier, "The user that answers for the calls."),
    project: key(identifier, "The project that the calls belong to."),
    environment: key(identifier, "`prod`, `dev`, or any other label."),
    status: byDefault(callerStatus, "active"),
    token_sha256: identity.token_sha256,
    token_id: identity.token_id,
    token_expires_at: identity.token_expires_at,
    tokens: identity.tokens,
    tags: byDefault(
      table(
        identifier,
        text("A value."),
        "Labels for chargeback: `caller_tags` in the usage database has them, with the time in which each held.",
      ),
      {},
    ),
    metrics_admin: byDefault(flag("May read /metrics."), false),
    content_admin: byDefault(flag("May delete captured content of its project in its environment."), false),
    allow: byDefault(list(key(identifier, "A model group."), "The model groups that may be called."), []),
    rate: key(rate, "How fast the caller may call. What is absent comes from `server.default_caller`."),
    quota: key(
      quota,
      "What the caller may use in a day and a month. What is absent comes from `server.default_caller`.",
    ),
    key: lifetimeKey,
    spend: key(spend, "Budgets in money. What is absent comes from `server.default_caller`."),
    spend_ceiling: spendCeiling,
    traffic_shape: callerShaping,
    content_capture: optional(ownContentCapture),
  },
  "Something that calls: one application or person in one project and environment.",
  { name: "CallerConfig" },
)
