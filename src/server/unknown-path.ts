/** What a client reads that asks for a path at which there is nothing. */
import { plain } from "../bounded-text.ts"
import { RouterError } from "../errors.ts"

/** Endpoints of the vendors that the router does not have. */
const NOT_OFFERED =
  /^(?:\/anthropic)?\/(?:v1\/)?(assistants|audio|batches|chatkit|completions|containers|conversations|embeddings|evals|files|fine_tuning|images|messages\/batches|moderations|organization|organizations|realtime|rerank|responses\/compact|responses\/input_tokens|skills|threads|uploads|vector_stores|videos)(?:\/|$)/

const OFFERED = "/v1/chat/completions, /v1/responses and /v1/messages"
const LONGEST_SHOWN = 100

/** `path`: as the client sent it, without its query. */
export function unknownPath(path: string): RouterError {
  const shown = JSON.stringify(plain(path, LONGEST_SHOWN))
  const unoffered = NOT_OFFERED.exec(path)?.[1]
  const message =
    unoffered === undefined
      ? `There is nothing at the path ${shown}. Calls go to ${OFFERED}.`
      : `This router does not offer ${unoffered} (${shown}); it serves ${OFFERED}.`
  return new RouterError("not-found", { message })
}
