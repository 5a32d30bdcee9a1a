/** Content capture and retention. */
import type { z } from "zod"
import {
  allOptional,
  block,
  byDefault,
  choice,
  flag,
  integer,
  key,
  list,
  optional,
  ruled,
  text,
  type Shape,
} from "./field.ts"
import { expression, headerName, identifier } from "./forms.ts"

const LATER = { pending: true } as const
const FORBIDDEN_HEADERS = /auth|key|token|secret|cookie|session|password|credential/i
/** 1 MiB: what is read of a call is one answer. */
const MOST_BYTES = 1_048_576

const parts: Shape = {
  retention_days: integer("How long content is kept.", { min: 1, max: 36_500, unit: "days" }),
  capture_request: flag("Store requests."),
  capture_response: flag("Store answers, streams as their events."),
  capture_tool_calls: flag(
    "Store calls of tools and their results, where they stand in requests and answers. Otherwise a mark takes their place.",
  ),
  capture_images: flag(
    "Store images, sound and files, where they stand in requests and answers. Otherwise a mark takes their place.",
  ),
  capture_upstream_errors: flag("Store the bodies of errors of upstreams, provider keys and hosts masked."),
  capture_headers_allowlist: list(headerName, "Request headers that are stored."),
  redact_before_storage: flag("Redact secrets before storing; cannot be switched off."),
  redaction_patterns: list(
    expression,
    "Regular expressions of what is redacted besides the built-in secrets. Those of all blocks that hold for a call count.",
  ),
  max_capture_bytes: integer("The most that is stored of one body.", { min: 1, max: MOST_BYTES, unit: "bytes" }),
}

const DEFAULTS: Readonly<Record<string, unknown>> = {
  retention_days: 30,
  capture_request: false,
  capture_response: false,
  capture_tool_calls: false,
  capture_images: false,
  capture_upstream_errors: false,
  capture_headers_allowlist: [],
  redact_before_storage: true,
  redaction_patterns: [],
  max_capture_bytes: 65_536,
}

const localKey: Shape = {
  local_key_id: key(identifier, "The label of the key. A new key needs a new label."),
  local_key: text("The key: 32 bytes in base64 or as 64 hexadecimal digits.", { secret: "value" }),
}

const encryption = block(
  {
    enabled: byDefault(
      flag("Encrypt what is stored, with AES-256-GCM; cannot be switched off where content is stored."),
      true,
    ),
    local_key_id: byDefault(
      key(localKey["local_key_id"] as z.ZodType, "The label of the key. A new key needs a new label."),
      "local",
    ),
    local_key: optional(
      text(
        "The key: 32 bytes in base64 or as 64 hexadecimal digits. Absent: the variable `CONTENT_CAPTURE_LOCAL_KEY` has it.",
        { secret: "value" },
      ),
    ),
    previous_keys: byDefault(
      list(
        block(localKey, "A key that content was stored with before.", { name: "CaptureKey" }),
        "Keys that content was stored with before: it stays readable. Nothing new is stored with them.",
      ),
      [],
    ),
  },
  "Encryption of stored content.",
  { name: "CaptureEncryption" },
)

/** `server.content_capture`. */
export const contentCapture: z.ZodType = governed(
  block(
    {
      enabled: byDefault(flag("Store content of all calls. Off unless switched on."), false),
      ...Object.fromEntries(Object.entries(parts).map(([name, schema]) => [name, byDefault(schema, DEFAULTS[name])])),
      encryption: byDefault(encryption, {}),
    },
    "Governed capture of content. What it says holds for groups and callers, as far as they say nothing else.",
    { name: "ContentCapture" },
  ),
)

/** Of a group or a caller. */
export const ownContentCapture: z.ZodType = governed(
  block(
    {
      enabled: optional(
        flag("Store content of these calls. `false` wins over whatever the server, the group or the caller says."),
      ),
      ...allOptional(parts),
    },
    "Governed capture of content: what differs from `server.content_capture`. What a caller says wins over what its group says.",
    { name: "OwnContentCapture" },
  ),
)

function governed(schema: z.ZodType): z.ZodType {
  return ruled(
    schema,
    ({ redact_before_storage }) =>
      redact_before_storage === false
        ? { path: ["redact_before_storage"], message: "Content is always redacted before it is stored." }
        : null,
    ({ capture_headers_allowlist = [] }) => {
      const index = (capture_headers_allowlist as readonly string[]).findIndex((name) => FORBIDDEN_HEADERS.test(name))
      return index < 0
        ? null
        : { path: ["capture_headers_allowlist", index], message: "A header with credentials is never stored." }
    },
  )
}

const CLASSES = ["usage_diagnostics", "decision_telemetry", "security_access_events", "content_capture", "usage_detail"]

export const retention: z.ZodType = byDefault(
  ruled(
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
