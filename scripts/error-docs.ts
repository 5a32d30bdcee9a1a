/** docs/errors.md, written from the catalogue and from the reasons of failed attempts. */
import { CATALOGUE, type ErrorCode } from "../src/error-catalogue.ts"
import type { Entry } from "../src/error-entry.ts"
import { REASONS } from "../src/reasons.ts"
import { ERROR_HELP } from "./error-help.ts"

const INTRODUCTION = `# Errors

<!-- Generated from src/error-catalogue.ts, src/reasons.ts and scripts/error-help.ts by \`npm run docs\`. -->

Each error has a code. Look the code up below: its entry says what causes the error and what helps. The body has the shape of the client's dialect:

\`\`\`json
{
  "error": {
    "type": "rpm-exceeded",
    "code": "rpm-exceeded",
    "message": "The limit rate.rpm of this caller is 120: 120 used, and this call needs up to 1. Try again in 7 s.",
    "param": null,
    "request_id": "req_…",
    "doc_url": "https://router.example.com/docs/errors#rpm-exceeded"
  }
}
\`\`\`

Chat Completions and Responses get this shape. Messages gets the shape of Anthropic:

\`\`\`json
{
  "type": "error",
  "error": {
    "type": "rate_limit_error",
    "message": "The limit rate.rpm of this caller is 120: 120 used, and this call needs up to 1. Try again in 7 s.",
    "code": "rpm-exceeded",
    "doc_url": "https://router.example.com/docs/errors#rpm-exceeded"
  },
  "request_id": "req_…"
}
\`\`\`

- Decide by the code, never by the message.
- \`doc_url\` stands there where [\`server.public_url\`](configuration.md#server) is set. It leads to the code's entry on this page.
- The request id is also in the header \`X-Request-Id\`. It leads to the call's rows in the usage database.
- "Retry" says whether the same call may succeed later. Where it may not, the answer carries \`x-should-retry: false\`.
- \`details\` has further facts where the entry says so. Inside a stream \`type\` and \`message\` also say whether a retry helps ([streams](http.md#streams)).

## All codes

| code | status | whose fault | retry | message |
|---|---|---|---|---|
`

const WHY = `
## Why a target failed

Each failed attempt has a reason, one word of this list. It stands in \`details.reason\` of the error where every target failed, in \`error_message\` of
\`request_attempts\`, in \`tries\` of the call's line in the request log, in \`smart-router explain --id\`, and as the label \`reason\` of
\`smart_router_attempt_failures_total\`. The router's own log has it in a line \`a target has failed\` at a target's first failure, and again when the
reason changes (the same reason at most once a minute).

Behind the word follow what the upstream's own error says, where that is a plain word: \`key-refused; code=invalid_api_key; type=invalid_request_error\`.
Rows and logs have these, answers do not. \`field\` names the place in the body that the upstream refuses. No host, key, sentence or body is in any of it.

| reason | meaning |
|---|---|
`

export function errorDocs(): string {
  const codes = Object.entries(CATALOGUE)
  const rows = codes.map(
    ([code, { status, blame, retryable, message }]) =>
      `| [\`${code}\`](#${code}) | ${status} | ${blame} | ${retryable ? "yes" : "no"} | ${message} |\n`,
  )
  const entries = codes.map(([code, entry]) => entryText(code, entry))
  const reasons = Object.entries(REASONS).map(([reason, meaning]) => `| \`${reason}\` | ${meaning} |\n`)
  return `${INTRODUCTION}${rows.join("")}\n## Causes and fixes\n\n${entries.join("\n")}${WHY}${reasons.join("")}`
}

function entryText(code: string, { status, blame, retryable, message }: Entry): string {
  const { cause, fix } = ERROR_HELP[code as ErrorCode]
  const retry = retryable ? "A retry may help." : "A retry does not help."
  return `### \`${code}\`\n\n${status}, fault of the ${blame}. ${retry} ${message}\n\n- **Cause:** ${cause}\n- **Fix:** ${fix}\n`
}
