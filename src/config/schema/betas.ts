/** `beta_headers`: which of Anthropic's betas a server behind the `anthropic` dialect takes. */
import type { z } from "zod"
import { block, byDefault, list, optional, pattern, withRules } from "./field.ts"

const beta: z.ZodType = pattern(
  /^[A-Za-z0-9][\w.-]{0,126}\*?$/,
  "the name of a beta, such as context-management-2025-06-27, or its beginning and a `*`",
  "A beta.",
)
const field: z.ZodType = pattern(
  /^(?!(?:model|messages|stream|max_tokens|thread|container)(?:\.|$))[a-z_]{1,64}(\.[a-z_]{1,64})?$/,
  "a field of the body such as context_management or thinking.display, none that every call needs",
  "A body field.",
)

export const betaHeaders: z.ZodType = withRules(
  block(
    {
      allow: optional(list(beta, "Only these names of `anthropic-beta` go upstream.")),
      strip: optional(list(beta, "All names of `anthropic-beta` but these go upstream.")),
      strip_fields: byDefault(
        list(field, "Body fields that ride on betas and are taken out: a top-level field, or a field of one."),
        [],
      ),
    },
    "For servers that speak the `anthropic` dialect but not all of its betas. Left out: everything goes. What is taken out is listed in `X-Router-Losses`.",
    { name: "BetaHeaders" },
  ),
  ({ allow, strip }) =>
    allow === undefined || strip === undefined
      ? null
      : { path: ["strip"], message: "Say either what is allowed or what is stripped, not both." },
)
