/** docs/errors.md, written from the catalogue. */
import { CATALOGUE } from "../src/errors.ts"

const INTRODUCTION = `# Errors

<!-- Generated from src/errors.ts by \`npm run docs\`. -->

Every error that a caller can see, with its code. The body has the shape of the dialect that the client speaks:

- Chat and Responses: \`{"error":{"type":"<code>","code":"<code>","message":"…","param":null,"request_id":"req_…","details":{…}}}\`
- Messages: \`{"type":"error","error":{"type":"<a type of the Messages API>","message":"…","code":"<code>","details":{…}},"request_id":"req_…"}\`

Decide by the code, never by the message. The request id is also in the header \`X-Request-Id\`; it leads to the call's rows in the usage database.
"Retry" says whether the same call may succeed later; where it may not, the answer carries \`x-should-retry: false\`.

| code | status | whose fault | retry | message |
|---|---|---|---|---|
`

export function errorDocs(): string {
  const rows = Object.entries(CATALOGUE).map(([code, { status, blame, retryable, message }]) => {
    return `| \`${code}\` | ${status} | ${blame} | ${retryable ? "yes" : "no"} | ${message} |\n`
  })
  return INTRODUCTION + rows.join("")
}
