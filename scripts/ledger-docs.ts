/** docs/ledger.md, written from the tables of the ledger and from the ready queries. */
import type { Column } from "../src/ledger/column.ts"
import { ALL_TABLES, type LedgerTable } from "../src/ledger/tables.ts"
import { READY_QUERIES } from "./ledger-queries.ts"

const INTRODUCTION = `# The ledger

<!-- Generated from src/ledger/tables and scripts/ledger-queries.ts by \`npm run docs\`. -->

The usage database, SQLite or PostgreSQL: the same tables and columns in both. One row of \`request_usage\` per call; the
other tables hang on it by \`request_id\`. A row is written when its call ends, in one transaction with the others of the
call, before the client gets the last byte.

- **Units stand in names.** \`_ms\`: milliseconds. \`ts\` and \`_at\`: Unix milliseconds. \`_nano_usd\`: 1e-9 USD, whole. \`_tokens\`: tokens.
- **Null is unknown**, or does not apply: the meaning says which. Nothing is 0 because it is unknown. A flag is 0 or 1.
- **Ids sort by time**: \`req_\`, 12 hexadecimal digits of the millisecond, 20 random ones. The tables are clustered by id, so a range of ids is a
  range of time, and the cheapest filter there is. There is no other index: each would cost every call.
- **No text of a call** stands here: no prompt, no answer, no key, no host, no name of a tool.
- **What is kept**: \`diagnostics.enabled\` gives traces and shapes, \`diagnostics.store_sanitized_upstream_errors\` the words of upstreams,
  \`decision_telemetry\` how calls were decided.

## What is not a table of its own

| asked for | where it stands |
|---|---|
| shapes of requests | \`request_decision_shape_features\`: one row for each call with a body. Where hosted tools are taken out of it, decision telemetry records the body before, diagnostics alone the one behind that. |
| estimates of tokens | \`request_usage\`: \`estimated_input_tokens\`, \`reserved_output_tokens\`, \`reserved_nano_usd\`; what routing took the input for is in the shape |
| errors of upstreams | \`request_attempts\`: \`error_message\`, \`upstream_error_code\`, \`upstream_error_type\`, \`upstream_error_field\`, \`upstream_request_id\` |
| fields that a translation changed | \`request_losses\`, each with its place |
| tokens per second | \`output_tokens\` by \`upstream_duration_ms\` or \`downstream_duration_ms\` |
| end users | \`request_usage.end_user\`: a hash of \`safety_identifier\`, \`user\` or \`metadata.user_id\` within the project |

Security events are written beside the calls, once a second; a router that is killed loses those of its last second. Equal events of a
minute are one row with a count. Behind 1,000 kinds of events in a minute, further ones are counted without address, client, token and path.

A newer router brings the schema up to date when it starts. Each step is one transaction, with a line in the log at its beginning and its end; a
step that goes through calls runs 2,000 of them at a time and shows on a terminal how far it is. A router that is killed meanwhile goes on
where it was. Columns are only ever added.

`

const TYPES: Readonly<Record<string, string>> = {
  text: "text",
  integer: "integer",
  flag: "0 or 1",
  real: "real",
  milliseconds: "integer, ms",
}

export function ledgerDocs(): string {
  const queries = READY_QUERIES.map(
    ({ title, sql }, index) => `### ${index + 1}. ${title}\n\n\`\`\`sql\n${sql}\n\`\`\`\n`,
  )
  return `${INTRODUCTION}## Ten queries

They run on both databases as they stand. \`:since\` is in Unix milliseconds: in \`sqlite3 usage.sqlite\` by
\`.parameter set :since 1764547200000\`, in \`psql\` by \`-v since=1764547200000\`.

${queries.join("\n")}
## Tables

${ALL_TABLES.map(tableDocs).join("\n")}`
}

function tableDocs({ name, about, columns }: LedgerTable): string {
  const rows = Object.entries(columns).map(
    ([column, entry]) => `| \`${column}\` | ${typeOf(entry)} | ${meaningOf(entry)} |\n`,
  )
  return `### ${name}\n\n${about}\n\n| column | type | meaning |\n|---|---|---|\n${rows.join("")}`
}

function typeOf([kind]: Column): string {
  const type = TYPES[kind.replace("?", "")] ?? kind
  return kind.endsWith("?") ? `${type}, or null` : type
}

function meaningOf([, meaning, values]: Column): string {
  return values === undefined ? meaning : `${meaning} One of ${values.map((value) => `\`${value}\``).join(", ")}.`
}
