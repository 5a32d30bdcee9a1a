/** A canonical reply as a response object. */

import type { JsonObject } from "../../canonical/json.ts"
import { Losses } from "../../canonical/loss.ts"
import type { Reply } from "../../canonical/reply.ts"
import { refusalWords, type Stop } from "../../canonical/stop.ts"
import { unfold } from "../../canonical/unfold.ts"
import type { Usage } from "../../canonical/usage.ts"
import type { ReplyOptions, WrittenReply } from "../codec.ts"
import type { Sink } from "./output-item.ts"
import { Output } from "./output.ts"
import { echoOf, responseHead, responseObject, type ResponseState } from "./response-object.ts"
import { writeStop } from "./stop.ts"
import { writeUsage } from "./usage.ts"

const SILENT: Sink = {
  event() {
    // A unary answer shows only the end.
  },
  delta() {
    // As above.
  },
  shown: String,
  expectLong() {
    // A whole answer is written elsewhere.
  },
}

export function writeReply(reply: Reply, options: ReplyOptions): WrittenReply {
  const losses = new Losses()
  const head = responseHead(options, reply.model, reply.created)
  const output = new Output(options, SILENT, losses)
  for (const event of unfold(reply)) {
    if (event.type === "open") output.open(event.block)
    else if (event.type === "delta") output.delta(event.delta)
    else if (event.type === "close") output.close()
  }
  declareExtra(reply, losses)
  const state = finalState(reply, output, options, losses)
  return { body: responseObject(head, echoOf(options.clientBody), state), losses: losses.list() }
}

export interface Ending {
  readonly stop: Stop
  readonly usage: Usage | null
  readonly serviceTier?: string | undefined
}

/** How a response looks that ended normally. Closes the output. */
export function finalState(ending: Ending, output: Output, options: ReplyOptions, losses: Losses): ResponseState {
  const { status, reason, reduced } = writeStop(ending.stop)
  if (ending.stop.is === "refusal" && !output.holdsRefusal) output.refuse(refusalWords(ending.stop))
  if (reduced) losses.add("reply-stop", "stop")
  return {
    status,
    output: output.end(status),
    usage: ending.usage === null ? null : writeUsage(ending.usage, losses),
    error: null,
    incompleteReason: reason,
    stopDetails: ending.stop.details ?? null,
    serviceTier: ending.serviceTier,
    completedAt: status === "completed" ? options.now() : null,
  }
}

/** Fields that change what an answer means and that another dialect has. */
export function declareExtra(reply: Pick<Reply, "extra">, losses: Losses): void {
  for (const field of Object.keys(ownFields(reply))) losses.add("reply-field", `extra.${field}`)
}

function ownFields({ extra }: Pick<Reply, "extra">): JsonObject {
  return extra?.fields ?? {}
}
