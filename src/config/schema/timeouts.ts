/** How long upstreams are waited for: four settings of the server, which providers and targets may change for themselves. */
import { byDefault, milliseconds, optional, type Shape } from "./field.ts"

const CONNECT =
  "Until the connection is made: name, TCP and TLS. Found out to a quarter of a second. Behind a `proxy` it is part of `first_byte_timeout_ms`."
const FIRST_BYTE = "From then until the answer's head arrives."
const SILENCE =
  "The longest silence of a stream, before its first content and behind it; comments and pings of the upstream count as signs of life."
const WHOLE = "The whole of a unary call."

/** Of `server.upstream`. */
export const upstreamTimeouts: Shape = {
  timeout_ms: byDefault(milliseconds(`${WHOLE} Also first byte and silence, where nothing else is said.`), 600_000),
  connect_timeout_ms: byDefault(milliseconds(CONNECT), 10_000),
  first_byte_timeout_ms: optional(milliseconds(`${FIRST_BYTE} Absent: \`timeout_ms\`.`)),
  silence_timeout_ms: optional(milliseconds(`${SILENCE} Absent: \`timeout_ms\`.`)),
}

/** In place of the server's, for one provider or one target. */
export const ownTimeouts: Shape = {
  connect_timeout_ms: optional(milliseconds(CONNECT)),
  first_byte_timeout_ms: optional(milliseconds(FIRST_BYTE)),
  silence_timeout_ms: optional(milliseconds(SILENCE)),
}

/** Of a provider. A target's `timeout_ms` is another one: the time of an attempt. */
export const providerTimeouts: Shape = {
  timeout_ms: optional(milliseconds(`${WHOLE} In place of the server's, also for first byte and silence.`)),
  ...ownTimeouts,
}
