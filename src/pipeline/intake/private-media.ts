/** Addresses of media in a request are fetched by whoever serves it, from within its own network: those of private networks are refused. */
import type { Span } from "../../dialects/files.ts"
import { RouterError } from "../../errors.ts"
import { LONGEST_URL_CHARS, outsideUrlFault, type UrlFault } from "../../http/outside-url.ts"
import { valuePath } from "../../json/value-path.ts"
import { stringAt } from "../../json/walk.ts"
import type { CallRequest } from "../call/request.ts"

/** @throws RouterError `invalid-request` with the path of the address */
export function refusePrivateMedia(request: Pick<CallRequest, "body" | "shape">): void {
  const { body } = request
  // nothing in the body looks like media
  if (body.marks.length === 0) return
  const addresses = request.shape.mediaAddresses
  if (addresses === null) throw refusal(undefined, UNKNOWN, "image_url_unchecked")
  for (const address of addresses) {
    const fault = faultOf(body.bytes, address)
    if (fault !== null) throw refusal(valuePath(body.bytes, address.start), WORDS[fault], "image_url_forbidden")
  }
}

/** An escape is six bytes for a character. */
const LONGEST_BYTES = LONGEST_URL_CHARS * 6

function faultOf(bytes: Uint8Array, { start, end }: Span): UrlFault | null {
  return end - start > LONGEST_BYTES ? "unreadable" : outsideUrlFault(stringAt(bytes, start, end))
}

const WORDS: Readonly<Record<UrlFault, string>> = {
  private: "This address is or names a machine of a private network, which no provider may be sent to.",
  scheme: "Addresses of media must begin with `https:`, `http:` or `data:`.",
  unreadable: "This is not a clear address of media on the internet.",
}

const UNKNOWN = "The body holds more parts and addresses of media than this router can check."

function refusal(param: string | undefined, message: string, reason: string): RouterError {
  return new RouterError("invalid-request", { param, message, details: { reason_code: reason } })
}
