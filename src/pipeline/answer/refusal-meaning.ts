/** What an upstream's answer of a status other than 2xx means. */
import type { Target } from "../../config/snapshot.ts"
import { NO_FAULT, type UpstreamFault } from "../../dialects/dialect.ts"
import { asArray, asObject, parseBytes } from "../../dialects/loose.ts"
import { because, classifyStatus, STATE_GONE, TLS_EXPECTED, type AttemptFailure } from "../../upstream/failure.ts"
import { safeWords } from "../../upstream/reason.ts"
import { isLargeBody } from "../apart/large.ts"
import type { CallRequest } from "../call/request.ts"

/** `sent`: the body that the upstream got, in pieces. */
export function meaningOf(
  status: number,
  fault: UpstreamFault | null,
  bytes: Uint8Array,
  sent: readonly Uint8Array[],
  target: Target,
  request: CallRequest,
): AttemptFailure {
  if (status === 404 && request.holdsState && fault?.code !== "model_not_found") return STATE_GONE
  if (wantsTls(status, bytes)) return TLS_EXPECTED
  const failure = classifyStatus(status, fault ?? NO_FAULT, target.model)
  if (failure.reason !== "request-refused") return failure
  const field = fault === null ? null : ownField(fault, bytes, sent, request)
  return field === null ? failure : because(failure, "field-refused", safeWords(fault ?? NO_FAULT, field))
}

/** The request reached a port where TLS is spoken, and a server that says so in plain: in a page, or in a bare sentence. */
export function wantsTls(status: number, bytes: Uint8Array): boolean {
  if (status !== 400) return false
  const start = startOf(bytes).trimStart()
  return !start.startsWith("{") && WANTS_TLS.test(start)
}

/** What nginx and Go's server say to a plain request on a TLS port. */
const WANTS_TLS = /HTTP request (?:was sent )?to (?:an )?HTTPS (?:port|server)/i
const LOOKED_AT_BYTES = 4096

function startOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, LOOKED_AT_BYTES)).toString()
}

const NAME = /[A-Za-z]\w{1,47}/g
/** Names in quotes of any kind, and words that only names of fields look like. */
const NAMES_IN_TEXT = /(?<=['"`‘])[A-Za-z]\w{1,47}(?=['"`’])|\b[a-z]+(?:_[a-z]+)+\b/g
const MOST_NAMES = 16

/** The field that the upstream refuses, where the router wrote it and the client did not; null: none that can be told. */
function ownField(
  fault: UpstreamFault,
  bytes: Uint8Array,
  sent: readonly Uint8Array[],
  request: CallRequest,
): string | null {
  const names = [
    // the innermost name of a path says most
    ...(placeOf(fault, bytes).match(NAME) ?? []).toReversed(),
    ...((fault.message ?? "").match(NAMES_IN_TEXT) ?? []),
  ]
  // the search takes a while for each name
  if (isLargeBody(request.body) || names.length === 0) return null
  const given = request.body.bytes
  const client = Buffer.from(given.buffer, given.byteOffset, given.length)
  const written = Buffer.concat(sent)
  const own = [...new Set(names)].slice(0, MOST_NAMES)
  return own.find((name) => written.includes(`"${name}":`) && !client.includes(`"${name}"`)) ?? null
}

/** `param`, or the place that FastAPI's servers name: `{"detail":[{"loc":["body","name"]}]}`. */
function placeOf({ param }: UpstreamFault, bytes: Uint8Array): string {
  if (param !== null) return param
  const first = asObject(asArray(parseBytes(bytes)?.["detail"])[0])
  return asArray(first?.["loc"])
    .filter((step) => step !== "body")
    .join(".")
}
