/** docs/errors.md, written from the catalogue and from the reasons of failed attempts. */
import { CATALOGUE } from "../src/error-catalogue.ts"
import { REASONS } from "../src/reasons.ts"

const INTRODUCTION = `# Errors

<!-- Generated from src/error-catalogue.ts and src/reasons.ts by \`npm run docs\`. -->

Every error that a caller can see, with its code. The body has the shape of the dialect that the client speaks:

- Chat and Responses: \`{"error":{"type":"<code>","code":"<code>","message":"…","param":null,"request_id":"req_…","details":{…}}}\`
- Messages: \`{"type":"error","error":{"type":"<a type of the Messages API>","message":"…","code":"<code>","details":{…}},"request_id":"req_…"}\`

Inside a stream \`type\` and \`message\` also say whether a retry helps ([streams](http.md#streams)).

Decide by the code, never by the message. The request id is also in the header \`X-Request-Id\`; it leads to the call's rows in the usage database.
"Retry" says whether the same call may succeed later; where it may not, the answer carries \`x-should-retry: false\`.

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
  const rows = Object.entries(CATALOGUE).map(([code, { status, blame, retryable, message }]) => {
    return `| \`${code}\` | ${status} | ${blame} | ${retryable ? "yes" : "no"} | ${message} |\n`
  })
  const reasons = Object.entries(REASONS).map(([reason, meaning]) => `| \`${reason}\` | ${meaning} |\n`)
  return INTRODUCTION + rows.join("") + WHY + reasons.join("")
}
