import type { Failure } from "../canonical/reply.ts"
import type { ErrorCode } from "../error-catalogue.ts"
import { RouterError, type ErrorDetail } from "../errors.ts"

/**
 * Thrown when an upstream refused the request itself. The client reads the upstream's words, masked, in its own dialect;
 * the code and the catalogue's message are for rows and logs, which hold no words of upstreams.
 */
export class VendorRefusal extends RouterError {
  readonly failure: Failure

  constructor(code: ErrorCode, failure: Failure, detail: ErrorDetail) {
    super(code, detail)
    this.name = "VendorRefusal"
    this.failure = failure
  }
}
