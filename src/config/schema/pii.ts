/** `models.<name>.pii_filter` — personal data, taken out of requests. */
import type { z } from "zod"
import { DETECTOR_NAMES } from "../../pii/filter.ts"
import { block, byDefault, choice, flag, integer, key, list, optional, pattern, ruled, type Fault } from "./field.ts"
import { expression, identifier } from "./forms.ts"

const PARTS: readonly (readonly [name: string, on: boolean, what: string])[] = [
  ["system", true, "System prompts and instructions, and the descriptions of tools."],
  ["messages", true, "Messages of Chat and Messages, with the arguments of tools in them."],
  ["responses_input", true, "The input of Responses, with the arguments of tools in it."],
  ["tool_results", true, "Results of tools."],
  ["image_urls", false, "Addresses of images and files. What an address names is then another file, or none."],
]

const rule: z.ZodType = block(
  {
    name: key(identifier, "The name of the rule, in metrics. A rule with the name of a detector takes its place."),
    expression: key(
      expression,
      "What is looked for, in the syntax of RE2. Matches of up to 1024 characters are found.",
    ),
    placeholder_prefix: pattern(
      /^[A-Z][A-Z0-9_]{0,31}$/,
      "capital letters, digits and _",
      "E.g. `EMAIL` for `[EMAIL_QXWMVBTKCD]`.",
    ),
  },
  "One kind of personal data.",
  { name: "PiiRule" },
)

const findsSomething = (filter: Readonly<Record<string, unknown>>): Fault | null => {
  const { enabled, detectors, rules } = filter as unknown as Filter
  if (enabled !== true || detectors.length > 0 || rules.length > 0) return null
  return { path: ["enabled"], message: "The filter is enabled and looks for nothing: it needs detectors or rules." }
}

const namesOnce = (filter: Readonly<Record<string, unknown>>): Fault | null => {
  const names = (filter as unknown as Filter).rules.map(({ name }) => name)
  const twice = names.findIndex((name, index) => names.indexOf(name) !== index)
  return twice === -1 ? null : { path: ["rules", twice, "name"], message: "Another rule has this name." }
}

interface Filter {
  readonly enabled: unknown
  readonly detectors: readonly string[]
  readonly rules: readonly { readonly name: string }[]
}

export const piiFilter: z.ZodType = optional(
  ruled(
    block(
      {
        enabled: byDefault(flag("Filter personal data out of requests."), false),
        mode: byDefault(
          choice(["redact_only", "redact_and_restore", "fail_on_match"], "What a match leads to."),
          "redact_only",
        ),
        restore_response: byDefault(flag("Put the originals back into the answer, whatever the mode."), false),
        fail_on_match: byDefault(flag("Refuse the call on a match, whatever the mode."), false),
        max_replacements_per_request: byDefault(
          integer("More matches than this refuse the call. `0`: no limit, or 10,000 where answers are restored."),
          200,
        ),
        apply_to: byDefault(
          block(
            Object.fromEntries(PARTS.map(([name, on, what]) => [name, byDefault(flag(what), on)])),
            "What is filtered.",
            { name: "PiiScope" },
          ),
          {},
        ),
        detectors: byDefault(
          list(choice(DETECTOR_NAMES, "A detector."), "The router's own detectors that look for personal data."),
          [...DETECTOR_NAMES],
        ),
        rules: byDefault(list(rule, "What else counts as personal data."), []),
      },
      "The filter for personal data: see [privacy](privacy.md).",
      { name: "PiiFilter" },
    ),
    findsSomething,
    namesOnce,
  ),
)
