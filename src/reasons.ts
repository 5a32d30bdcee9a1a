/**
 * Why an attempt at a target failed, in one word for those who must mend it. A closed list: no host, key or sentence of
 * anybody gets into it, so that it can stand in rows, logs, labels and answers.
 */

/** Each with what it means; documents and metrics are made from this list. */
export const REASONS = {
  dns: "the host name of `base_url`, or of `proxy`, is not known",
  refused: "nothing listens at the address",
  unreachable: "no way leads to the address",
  "connect-timeout": "no connection, TLS included, within `connect_timeout_ms`",
  "tls-untrusted": "the certificate is not of an authority that is trusted: `tls.ca_file`",
  "tls-hostname": "the certificate is for another name than that of `base_url`",
  "tls-expired": "the certificate has expired",
  "tls-not-yet-valid": "the certificate is not valid yet",
  "tls-client-cert": "the server wants a client certificate, or another one: `tls.cert_file`, `tls.key_file`",
  "tls-failed": "the TLS handshake failed for another reason",
  "not-tls": "`base_url` says https, and the server does not speak TLS at that port",
  "tls-expected": "`base_url` says http, and the server speaks TLS at that port",
  "not-http": "what came is no HTTP",
  "proxy-refused": "the egress proxy takes no connection, or refuses the call; then with its status",
  reset: "the connection was reset",
  closed: "the connection was closed before the answer was whole",
  "first-byte-timeout": "nothing came within `first_byte_timeout_ms`",
  "silence-timeout": "the stream was silent for `silence_timeout_ms`",
  "whole-timeout": "the answer was not whole within `timeout_ms`",
  "attempt-timeout": "no first content, or no whole answer, within `attempt_timeout_ms`",
  "upstream-timeout": "the upstream says that it took too long",
  "path-not-found": "the server knows no such path: `base_url`",
  "model-unknown": "the upstream does not know the model, or does not give it to this key",
  "key-refused": "the upstream does not take the key",
  "access-denied": "the upstream denies the call",
  "rate-limited": "the upstream limits its rate",
  "quota-exhausted": "a quota or balance at the upstream is used up",
  overloaded: "the upstream says that it is overloaded",
  "upstream-error": "the upstream says that it failed",
  redirect: "the upstream redirects, which is not followed",
  "field-refused": "the upstream refuses a field that the router wrote; `field` names it",
  "request-refused": "the upstream refuses the request",
  conflict: "the upstream says that another call, or the state of what the call names, is in the way",
  "request-too-large": "the upstream refuses the request as too large",
  "status-refused": "the upstream refuses with another status",
  "state-gone": "what the call points at is gone at the upstream",
  "no-answer": "what came is no answer of the dialect",
  "not-decodable": "the answer's `content-encoding` cannot be undone",
  "answer-too-large":
    "the answer is larger than `max_response_bytes` or `max_frame_bytes`, or an event of it cannot be translated in pieces",
  "empty-stream": "the stream held nothing",
  "stream-broken": "the stream ended before its end",
  "client-left": "the client left",
  "no-room": "the router had no socket left",
  stopped: "the router stopped",
  internal: "the router failed",
} as const

export type Reason = keyof typeof REASONS
