/** The Responses codec. */

import type { Codec } from "../codec.ts"
import { readError, writeError } from "./failure.ts"
import { readReply } from "./read-reply.ts"
import { readRequest } from "./read-request.ts"
import { ResponsesStreamReader } from "./read-stream.ts"
import { writeReply } from "./write-reply.ts"
import { writeRequest } from "./write-request.ts"
import { ResponsesStreamWriter } from "./write-stream.ts"

export const responsesCodec: Codec = {
  dialect: "responses",
  readRequest,
  writeRequest,
  readReply,
  writeReply,
  createStreamReader: (context) => new ResponsesStreamReader(context),
  createStreamWriter: (options) => new ResponsesStreamWriter(options),
  readError,
  writeError,
}
