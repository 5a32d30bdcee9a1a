/** The cause and the cure of each error, for docs/errors.md. The compiler asks for every code of the catalogue. */
import type { ErrorCode } from "../src/error-catalogue.ts"

interface Help {
  readonly cause: string
  readonly fix: string
}

export const ERROR_HELP: Readonly<Record<ErrorCode, Help>> = {
  "invalid-json": {
    cause: "The body is no JSON, is cut short, or is not UTF-8. The message names the place.",
    fix: "Write the body with a JSON encoder, and send all of it as UTF-8.",
  },
  "invalid-request": {
    cause:
      "A member of the body or a query parameter has a wrong type or value, or the HTTP message breaks a rule. `param` names the member.",
    fix: "Correct the member that `param` names. [HTTP](http.md) lists what each path takes.",
  },
  "invalid-report-filter": {
    cause: "A filter, range, sort order or cursor of a report is unknown, or does not fit the others.",
    fix: "Correct the parameter that `param` names. [Reports](reports.md) lists the filters.",
  },
  "duplicate-key": {
    cause:
      "A key that the router reads, such as `model`, stands twice. Two readers of the body could take different values.",
    fix: "Send each key once.",
  },
  "missing-model": {
    cause: "The body has no `model`, and the configuration has no default group.",
    fix: "Name a group in `model`, or set [`server.default_model_group`](configuration.md#server).",
  },
  "ambiguous-credentials": {
    cause: "The call carries two tokens in different headers, and they belong to different callers.",
    fix: "Send one token, in `Authorization` or in `x-api-key`.",
  },
  "stateful-unsupported": {
    cause:
      "The request relies on state that a server keeps, such as `previous_response_id`, and no target of the group can hold it.",
    fix: "Send the whole conversation, or use a group with a target of the same dialect. See [stored state](stored-state.md).",
  },
  "translation-loss": {
    cause:
      "The target speaks another dialect, which cannot say a part of the request. The group has `translation: enforce`. `details.losses` lists the parts.",
    fix: "Leave the parts out, or set `translation: warn`. [Dialects](dialects.md) explains each loss.",
  },
  "provider-hosted-tools-forbidden": {
    cause:
      "The request declares a tool that the provider executes, such as `web_search`. The group has `hosted_tools: refuse`.",
    fix: "Leave the tool out, or set `hosted_tools: strip` or `pass` on the group.",
  },
  "pii-filter-blocked": {
    cause:
      "The group's filter found personal data, and its mode refuses such requests. `details.detectors` names the kinds.",
    fix: "Take the data out. `smart-router pii test` shows what the filter finds. See [privacy](privacy.md).",
  },
  "pii-filter-sealed": {
    cause: "Signed or encrypted reasoning of an earlier turn holds personal data. A change would break its seal.",
    fix: "Send the turn without that reasoning.",
  },
  unauthorized: {
    cause: "No token came with the call, or no caller has this token. A provider's own key is no token of the router.",
    fix: "Send a router token: `Authorization: Bearer rtr_…`. `smart-router token create` makes one.",
  },
  "model-not-allowed": {
    cause: "The group does not exist, or the caller's `allow` does not list it. The message names the nearest group.",
    fix: "Use a group of `GET /v1/models`, or add the group to [`callers[].allow`](configuration.md#callers).",
  },
  "key-disabled": { cause: "The caller has `status: disabled`.", fix: "Ask the operator, who sets `status: active`." },
  "key-suspended": {
    cause: "The caller has `status: suspended`.",
    fix: "Ask the operator, who sets `status: active` when the suspension is over.",
  },
  "key-expired": {
    cause: "The token's time is over (`token_expires_at`), or the caller has `status: expired`.",
    fix: "Get a new token: `smart-router token rotate`.",
  },
  "key-rotated": {
    cause: "The caller has `status: rotated`: a newer token took this one's place.",
    fix: "Use the newer token.",
  },
  "key-exhausted": {
    cause: "The caller has used its tokens for ever (`key.lifetime_tokens`).",
    fix: "Raise `key.lifetime_tokens`, or use another caller. See [limits](limits.md).",
  },
  "metrics-forbidden": {
    cause: "The token's caller may not read metrics.",
    fix: "Use a token whose caller has `metrics_admin: true`.",
  },
  "admin-forbidden": {
    cause: "The administrator's roles do not permit this, or the sign-in came over plain HTTP.",
    fix: "Ask for a role that permits it, and sign in over HTTPS. See [administrators](admin.md).",
  },
  "cross-site-request": {
    cause: "A page of another site made the browser send this request.",
    fix: "Open the console itself. Behind a proxy, the proxy must pass `Host` on unchanged.",
  },
  "reports-forbidden": {
    cause:
      "The administrator's roles do not reach this report or domain, or a caller's token was sent in place of a sign-in.",
    fix: "Sign in as an administrator with a role for the report. See [administrators](admin.md).",
  },
  "content-forbidden": {
    cause: "The credential may not read stored content of this domain.",
    fix: "Administrators need a role for the content's domain. Callers may only delete, with `content_admin`. See [content capture](capture.md).",
  },
  "content-held": {
    cause: "A legal hold covers the content that the request would delete.",
    fix: "Release the hold first: `smart-router retention release`. See [retention](retention.md).",
  },
  "not-found": {
    cause: "The path, group, response or call does not exist, or belongs to another project.",
    fix: "Compare the path with [HTTP](http.md). OpenAI clients need a base address with `/v1`, Anthropic's SDKs one without.",
  },
  "method-not-allowed": {
    cause: "The path exists, but takes another method. The header `Allow` lists the methods.",
    fix: "Use a method of `Allow`.",
  },
  "body-too-large": {
    cause: "The body is larger than `server.request.max_body_bytes`, which `details.max_body_bytes` repeats.",
    fix: "Send fewer or smaller files, or raise [the bound](configuration.md#serverrequest).",
  },
  "unsupported-media-type": {
    cause: "`Content-Type` is not JSON, or the body is compressed.",
    fix: "Send `Content-Type: application/json` and no `Content-Encoding`.",
  },
  "websocket-unsupported": {
    cause: "The client asked for a WebSocket.",
    fix: "Set the client to HTTP with server-sent events. See [clients](clients.md).",
  },
  "rpm-exceeded": {
    cause: "The caller or its project used its requests of this minute.",
    fix: "Wait for `Retry-After`, or raise `rate.rpm`. See [limits](limits.md).",
  },
  "tpm-exceeded": {
    cause: "The call would take more tokens than are left in this minute. A call reserves the most that it may use.",
    fix: "Wait for `Retry-After`, send a smaller output cap, or raise `rate.tpm`. See [limits](limits.md).",
  },
  "concurrency-exceeded": {
    cause: "The caller or its project has as many calls in flight as it may have.",
    fix: "Let calls end first, or raise `rate.concurrent`. See [limits](limits.md).",
  },
  "body-memory-exceeded": {
    cause: "The bodies of this caller's calls take all the memory that one caller may take.",
    fix: "Send large bodies one after the other.",
  },
  "quota-exhausted": {
    cause: "The quota of requests or tokens of the day or month is used. `details` names the limit and its end.",
    fix: "Wait for the next period, or raise `quota`. See [limits](limits.md).",
  },
  "spend-exhausted": {
    cause: "The budget of the period is spent, or the call may cost more than is left.",
    fix: "Wait for the next period, send a smaller output cap, or raise `spend`. See [limits](limits.md).",
  },
  "traffic-shaped": {
    cause: "The caller's token bucket is empty, and its queue is off or full, or the wait was too long.",
    fix: "Wait for `Retry-After`, or change [`traffic_shape`](configuration.md#callerstraffic_shape).",
  },
  "sign-in-limited": {
    cause: "Too many sign-ins from this address or for this name failed, or wait to be checked.",
    fix: "Wait for `Retry-After`, then sign in with the right password.",
  },
  "oidc-login-rate-limited": {
    cause: "Too many sign-ins at the identity provider were begun and not finished.",
    fix: "Wait a minute, then begin again.",
  },
  "client-closed": {
    cause: "The client closed its connection before the answer was complete. The code stands in rows and logs.",
    fix: "Raise the client's timeout where it did not mean to leave.",
  },
  "internal-error": {
    cause: "The router met a fault of its own. Its log has the details under the request id.",
    fix: "Try again. Where it comes back, report it with the request id and the line of the log.",
  },
  "report-query-failed": {
    cause: "The database did not answer the report's question, or not in time.",
    fix: "Choose a shorter range, or try again. `details.reason` says more.",
  },
  "content-unreadable": {
    cause: "The key that sealed the stored content is missing or another one.",
    fix: "Add the earlier key to [`previous_keys`](configuration.md#servercontent_captureencryptionprevious_keys).",
  },
  "routing-policy-error": {
    cause:
      "The group's script or external policy failed, and the group has no order to fall back on; or the group cannot serve until it is validated.",
    fix: "Read the call with `smart-router explain --id`. See [routing policies](policies.md).",
  },
  "pii-filter-failed": {
    cause: "The group's filter could not look through the whole request. Nothing was sent.",
    fix: "Try again with a smaller request. See [privacy](privacy.md).",
  },
  "upstream-failed": {
    cause: "Every target that was tried failed. `details.reason` has the reason of the last one.",
    fix: "Look the reason up [below](#why-a-target-failed), then run `smart-router check --live`.",
  },
  "output-cap-ignored": {
    cause: "The upstream went on writing beyond the output cap, so the router ended the stream.",
    fix: "Name the field that this server reads in `output_token_field` of its catalogue entry.",
  },
  "upstream-refused": {
    cause: "The upstream refuses the request, and its refusal is not about what the client sent.",
    fix: "Read the reason in `details`, and compare the target's `accepts` and `request` with its API.",
  },
  "no-eligible-target": {
    cause:
      "Every target of the group lacks something that the call needs, or is not well (then the status is 503). `details.rejected` counts the reasons.",
    fix: "Run `smart-router explain` with the request: it names the reason against each target. See [routing](routing.md#eligibility).",
  },
  "upstream-capacity-throttled": {
    cause: "The configured capacity of every target is in use (`traffic_shape` of providers).",
    fix: "Wait for `Retry-After`, or add a target.",
  },
  "upstream-rate-limited": {
    cause: "The providers of the group answer that the router sends too much.",
    fix: "Wait for `Retry-After`, ask the provider for more, or add a target elsewhere.",
  },
  "upstream-quota-exhausted": {
    cause: "The provider says that the account's quota or balance is used up.",
    fix: "Top up the provider's account, or add a target with another account.",
  },
  "upstream-access-denied": {
    cause: "The provider refuses the router's key, or the key may not use this model.",
    fix: "Run `smart-router check --live`, then correct the key or the model's name.",
  },
  "usage-store-unavailable": {
    cause: "The usage database takes no rows, and the spool is full or not allowed.",
    fix: "See `smart-router status`, then repair the database or free disk space. See [operations](operations.md).",
  },
  "shared-state-unavailable": {
    cause: "Redis or Valkey does not answer, so limits cannot be counted.",
    fix: "Repair it, or choose what happens meanwhile in [`server.state`](configuration.md#serverstate).",
  },
  "identity-provider-unavailable": {
    cause: "The identity provider did not answer, or answered against the rules.",
    fix: "Open its discovery address from the router's machine. See [administrators](admin.md).",
  },
  "reports-disabled": {
    cause: "`server.admin_reports.enabled` is `false`.",
    fix: "Switch [reports](reports.md) on.",
  },
  "security-reports-disabled": {
    cause: "`server.admin_reports.security.enabled` is `false`.",
    fix: "Switch [security reports](reports.md) on.",
  },
  overloaded: {
    cause: "Connections, memory for bodies or waiting work have reached their bounds.",
    fix: "Wait for `Retry-After`. Operators add workers or raise [`server.connections`](configuration.md#serverconnections).",
  },
  "shutting-down": {
    cause: "The router stops, and takes no new calls.",
    fix: "Try again: the client reaches another or the restarted router.",
  },
  "upstream-timeout": {
    cause: "The upstream sent no content within the attempt's time, or fell silent.",
    fix: "Raise `attempt_timeout_ms` of the group for slow models, or add a faster target.",
  },
}
