/** Content capture and retention. */
import type { z } from "zod"
import { block, byDefault, choice, flag, integer, list, optional, withRules, text, type Shape } from "./field.ts"
import { expression, headerName } from "./forms.ts"

const LATER = { pending: true } as const
const FORBIDDEN_HEADERS = /auth|key|token|secret|cookie/i

const shape: Shape = {
  enabled: byDefault(flag("Store content of calls. Off unless switched on."), false),
  retention_days: byDefault(integer("How long content is kept.", { unit: "days" }), 30),
  capture_request: byDefault(flag("Store requests."), false),
  capture_response: byDefault(flag("Store answers."), false),
  capture_tool_calls: byDefault(flag("Store tool calls."), false),
  capture_images: byDefault(flag("Store images."), false),
  capture_upstream_errors: byDefault(flag("Store error bodies of upstreams."), false),
  capture_headers_allowlist: byDefault(list(headerName, "Request headers that are stored."), []),
  redact_before_storage: byDefault(flag("Redact before storing; cannot be switched off."), true),
  redaction_patterns: byDefault(list(expression, "Patterns that are redacted besides the built-in ones."), []),
  max_capture_bytes: byDefault(integer("The most that is stored of one body.", { unit: "bytes" }), 65_536),
  encryption: byDefault(
    block(
      {
        enabled: byDefault(flag("Encrypt what is stored, with AES-256-GCM."), true),
        local_key_id: optional(text("The label of the key.")),
        local_key: optional(text("The key: 32 bytes in base64.", { secret: "value" })),
      },
      "Encryption of stored content.",
      { name: "CaptureEncryption" },
    ),
    {},
  ),
}

export const contentCapture: z.ZodType = withRules(
  block(shape, "Governed capture of content.", { ...LATER, name: "ContentCapture" }),
  ({ redact_before_storage }) =>
    redact_before_storage === false
      ? { path: ["redact_before_storage"], message: "Content is always redacted before it is stored." }
      : null,
  ({ capture_headers_allowlist }) => {
    const index = (capture_headers_allowlist as readonly string[]).findIndex((name) => FORBIDDEN_HEADERS.test(name))
    return index < 0
      ? null
      : { path: ["capture_headers_allowlist", index], message: "A header with credentials is never stored." }
  },
)

const CLASSES = ["usage_diagnostics", "decision_telemetry", "security_access_events", "content_capture", "usage_detail"]

export const retention: z.ZodType = byDefault(
  withRules(
    block(
      {
        enabled: byDefault(flag("Delete old rows."), false),
        dry_run: byDefault(flag("Only count what would be deleted."), true),
        default_batch_size: byDefault(integer("Rows that are deleted at once.", { min: 1, unit: "rows" }), 500),
        classes: byDefault(
          list(
            block(
              {
                data_class: choice(CLASSES, "The kind of data."),
                enabled: byDefault(flag("Whether this class is deleted."), true),
                retention_days: integer("How long rows of this class are kept.", { min: 1, unit: "days" }),
                batch_size: optional(integer("Rows that are deleted at once.", { min: 1, unit: "rows" })),
                require_finalized_rollup: byDefault(flag("Delete only days whose rollup is final."), false),
              },
              "The rule for one kind of data.",
              { name: "RetentionClass" },
            ),
            "The rules for each kind of data.",
          ),
          [],
        ),
      },
      "Deletion of old rows.",
      { ...LATER, name: "Retention" },
    ),
    ({ enabled, dry_run }) =>
      enabled === true && dry_run === false
        ? {
            path: ["dry_run"],
            message: "Nothing deletes old rows yet, so this cannot be relied on: write dry_run: true.",
          }
        : null,
  ),
  {},
)
