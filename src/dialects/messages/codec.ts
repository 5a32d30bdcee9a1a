/** Anthropic Messages to and from the canonical form. */

import type { Codec } from "../codec.ts"
import { readFailure, writeFailure } from "./failure.ts"
import { readReply } from "./read-reply.ts"
import { readRequest } from "./read-request.ts"
import { MessagesStreamReader } from "./read-stream.ts"
import { DIALECT } from "./wire.ts"
import { writeReply } from "./write-reply.ts"
import { writeRequest } from "./write-request.ts"
import { MessagesStreamWriter } from "./write-stream.ts"

export const messagesCodec: Codec = {
  dialect: DIALECT,
  readRequest,
  writeRequest,
  readReply,
  writeReply,
  createStreamReader: (context) => new MessagesStreamReader(context),
  createStreamWriter: (options) => new MessagesStreamWriter(options),
  readError: readFailure,
  writeError: writeFailure,
}
