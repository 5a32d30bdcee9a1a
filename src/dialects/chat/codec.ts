/** Chat Completions to and from the canonical form. */

import type { Codec } from "../codec.ts"
import { readError, writeError } from "./failure.ts"
import { readReply } from "./read-reply.ts"
import { readRequest } from "./read-request.ts"
import { ChatStreamReader } from "./read-stream.ts"
import { writeReply } from "./write-reply.ts"
import { writeRequest } from "./write-request.ts"
import { ChatStreamWriter } from "./write-stream.ts"

export const chatCodec: Codec = {
  dialect: "chat",
  readRequest,
  writeRequest,
  readReply,
  writeReply,
  createStreamReader: (context) => new ChatStreamReader(context),
  createStreamWriter: (options) => new ChatStreamWriter(options),
  readError,
  writeError,
}
