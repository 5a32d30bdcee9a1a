/** The client's body in the canonical form: at most once per call, and never for a call whose bytes pass. */
import { isObject, parseExact, type JsonObject } from "../canonical/json.ts"
import type { Loss } from "../canonical/loss.ts"
import type { Request } from "../canonical/request.ts"
import { CODECS } from "../dialects/registry.ts"
import { RouterError } from "../errors.ts"
import type { Call } from "./call.ts"

export interface DecodedRequest {
  readonly request: Request
  readonly clientBody: JsonObject
  /** What the canonical form itself cannot hold. */
  readonly losses: readonly Loss[]
}

const decoder = new TextDecoder()

/** @throws RouterError `invalid-request` with `param` */
export function decode(call: Call): DecodedRequest {
  if (call.decoded !== null) return call.decoded
  const clientBody = call.body === null ? undefined : parseExact(decoder.decode(call.body.bytes))
  if (!isObject(clientBody)) throw new RouterError("internal-error")
  const { request, losses } = CODECS[call.dialect.name].readRequest(clientBody)
  call.decoded = { request, clientBody, losses }
  return call.decoded
}
