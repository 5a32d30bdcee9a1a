/** A client's body in the canonical form. Pure: what is large is done in another thread. */
import { isObject, parseExact, type JsonObject } from "../../canonical/json.ts"
import type { Loss } from "../../canonical/loss.ts"
import type { Request } from "../../canonical/request.ts"
import type { DialectName } from "../../dialects/dialect.ts"
import { CODECS } from "../../dialects/registry.ts"
import { RouterError } from "../../errors.ts"

export interface DecodedRequest {
  readonly request: Request
  readonly clientBody: JsonObject
  /** What the canonical form itself cannot hold. */
  readonly losses: readonly Loss[]
}

const decoder = new TextDecoder()

/** `bytes`: that the scan has taken. @throws RouterError `invalid-request` with `param` */
export function decode(bytes: Uint8Array, dialect: DialectName): DecodedRequest {
  const clientBody = parseExact(decoder.decode(bytes))
  if (!isObject(clientBody)) throw new RouterError("internal-error")
  const { request, losses } = CODECS[dialect].readRequest(clientBody)
  return { request, clientBody, losses }
}
