/** What a client reads that asks for a path at which there is nothing. */
import { plain } from "../bounded-text.ts"
import { RouterError } from "../errors.ts"

/** Endpoints of the vendors that the router does not have. */
const NOT_OFFERED =
  /^(?:\/anthropic)?\/(?:v1\/)?(assistants|audio|batches|chatkit|completions|containers|conversations|embeddings|evals|files|fine_tuning|images|messages\/batches|moderations|organization|organizations|realtime|rerank|responses\/compact|responses\/input_tokens|skills|threads|uploads|vector_stores|videos)(?:\/|$)/

/** An endpoint, and behind it what a client added to its base URL. */
const PASTED =
  /^(?:\/anthropic)?((?:\/v1)*\/(?:chat\/completions|responses|messages))(?:\/v1)*\/(?:chat\/completions|responses|messages|models)(?:\/|$)/

const OFFERED = "/v1/chat/completions, /v1/responses and /v1/messages"
const LONGEST_SHOWN = 100

/** Whether a client was given an endpoint as its base URL. */
export function isPasted(path: string): boolean {
  return PASTED.test(path)
}

/** `path`: as the client sent it, without its query. */
export function unknownPath(path: string): RouterError {
  const shown = JSON.stringify(plain(path, LONGEST_SHOWN))
  const pasted = PASTED.exec(path)?.[1]
  if (pasted !== undefined) {
    const message = `There is nothing at the path ${shown}: the client's base URL ends in an endpoint. Leave ${JSON.stringify(pasted)} out of it; it ends in "/v1" for clients of OpenAI's kind, and has no path for those of Anthropic's.`
    return new RouterError("not-found", { message })
  }
  const unoffered = NOT_OFFERED.exec(path)?.[1]
  const message =
    unoffered === undefined
      ? `There is nothing at the path ${shown}. Calls go to ${OFFERED}.`
      : `This router does not offer ${unoffered} (${shown}); it serves ${OFFERED}.`
  return new RouterError("not-found", { message })
}
