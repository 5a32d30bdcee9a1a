/** Watches a Responses stream. */
import type { BilledUsage } from "../../canonical/billed-usage.ts"
import { parseExact } from "../../canonical/json.ts"
import type { Failure } from "../../canonical/reply.ts"
import type { RouterError } from "../../errors.ts"
import { readFields, startsWith } from "../../sse/fields.ts"
import { FRAME, type AnswerFacts, type StreamObserver, type UpstreamFault } from "../dialect.ts"
import { laterUsage } from "../inclusive-usage.ts"
import { meterTextDelta } from "../delta-text.ts"
import { OPENAI_TOKENS, OutputMeter } from "../output-meter.ts"
import { asArray, asObject, asString, asToken, parseObject, type Loose } from "../loose.ts"
import { faultOf } from "../error-words.ts"
import { streamFailure } from "../stream-failure.ts"
import { errorBeside, readError, writeResponseError } from "./failure.ts"
import { isProviderFailure, stopReasonOf } from "./judge.ts"
import { readResponsesUsage } from "./usage.ts"

const TEXT_DELTA = Buffer.from("event: response.output_text.delta\n")
/** Items that hold what a tool of the provider found. */
const FOUND =
  /^(?:web_search_call|file_search_call|code_interpreter_call|image_generation_call|mcp_call|mcp_list_tools|\w+_output)$/
/** Deltas of sound in base64. */
const SOUND = /audio\.delta$/
const TERMINAL: ReadonlySet<string> = new Set(["response.completed", "response.incomplete", "response.failed"])

export class ResponsesObserver implements StreamObserver {
  readonly finished = false
  fault: UpstreamFault | null = null
  readonly meter: OutputMeter = new OutputMeter(OPENAI_TOKENS)
  private contentSeen = false
  /** Of the item that is on its way something came in deltas: its end only repeats it. */
  private deltaSeen = false
  private usage: BilledUsage | null = null
  private stopReason: string | null = null
  private serviceTier: string | null = null
  /** The newest `response` object, so that a failure can name the response that the client knows. */
  private response: Loose = {}
  private lastSequence = -1

  frame(bytes: Uint8Array, start: number, end: number): number {
    if (this.contentSeen && startsWith(bytes, start, end, TEXT_DELTA)) {
      this.lastSequence++
      this.deltaSeen = true
      meterTextDelta(bytes, start, end, this.meter)
      return FRAME.content
    }
    const { event, data } = readFields(bytes, start, end)
    const body = data === null ? null : parseObject(data)
    if (body === null) return FRAME.plain
    this.lastSequence = typeof body["sequence_number"] === "number" ? body["sequence_number"] : this.lastSequence + 1
    const type = asString(body["type"]) ?? event ?? ""
    if (type === "error") return this.failed(faultOf(asObject(body["error"]) ?? body))
    const response = asObject(body["response"])
    if (response !== null) this.takeResponse(response)
    if (TERMINAL.has(type)) {
      // an end of nothing is no answer
      if (response === null && !this.contentSeen) return FRAME.fault
      return isProviderFailure(this.response) ? this.failed(faultOf(this.response["error"])) : FRAME.terminal
    }
    if (!this.holdsContent(type, body)) return FRAME.plain
    this.contentSeen = true
    if (type.endsWith(".delta") && !SOUND.test(type)) meterTextDelta(bytes, start, end, this.meter)
    else this.meterItem(type, asObject(body["item"]))
    return FRAME.content
  }

  private meterItem(type: string, item: Loose | null): void {
    if (type === "response.output_item.added" && String(item?.["type"]).endsWith("_call")) this.meter.call()
    else if (item !== null && !FOUND.test(String(item["type"]))) this.meter.addWhole(item)
  }

  /** Any delta is content; so is an item that arrives with something in it, or at once as a whole. */
  private holdsContent(type: string, body: Loose): boolean {
    if (type === "response.output_item.done") {
      const isRepeated = this.deltaSeen
      this.deltaSeen = false
      // what a tool of the provider found is not written by the model, however long it is
      return !isRepeated && (!this.contentSeen || !FOUND.test(String(asObject(body["item"])?.["type"])))
    }
    if (type === "response.output_item.added") return isBegun(asObject(body["item"]))
    if (!type.endsWith(".delta")) return false
    this.deltaSeen = true
    if (type === "response.reasoning_text.delta") this.meter.showsReasoning = true
    return true
  }

  facts(): AnswerFacts {
    return { usage: this.usage, stopReason: this.stopReason, serviceTier: this.serviceTier }
  }

  answer(): Loose {
    return this.response
  }

  /** Codex ignores `error` events, so the end is always `response.failed`. */
  renderFailure(error: RouterError, requestId: string): string {
    return this.failure(streamFailure(error, requestId), requestId)
  }

  renderRefusal(status: number, bytes: Uint8Array, requestId: string): string {
    return this.failure(readError(status, parseExact(Buffer.from(bytes).toString())), requestId)
  }

  private failure(failure: Failure, requestId: string): string {
    const error = writeResponseError(failure)
    const failed = {
      type: "response.failed",
      sequence_number: this.lastSequence + 1,
      response: {
        ...(typeof this.response["id"] === "string"
          ? {}
          : { id: requestId.replace("req_", "resp_"), object: "response", output: [] }),
        ...this.response,
        status: "failed",
        error,
      },
      error: errorBeside(error),
    }
    return `event: response.failed\ndata: ${JSON.stringify(failed)}\n\n`
  }

  /** An event, because comments do not reset every client's idle timer; the number is not the router's to move on. */
  keepAlive(): string {
    if (this.lastSequence < 0) return ": keep-alive\n\n"
    return `event: keepalive\ndata: {"type":"keepalive","sequence_number":${this.lastSequence}}\n\n`
  }

  lastWord(): string {
    return ""
  }

  private failed(fault: UpstreamFault): number {
    this.fault = fault
    return FRAME.fault
  }

  private takeResponse(response: Loose): void {
    this.response = response
    const usage = readResponsesUsage(response["usage"], response)
    if (usage !== null) this.usage = laterUsage(this.usage, usage)
    this.stopReason = stopReasonOf(response) ?? this.stopReason
    this.serviceTier = asToken(response["service_tier"]) ?? this.serviceTier
  }
}

function isBegun(item: Loose | null): boolean {
  const kind = item?.["type"]
  if (kind === "message") return asArray(item?.["content"]).length > 0
  if (kind === "reasoning") return asArray(item?.["summary"]).length > 0
  return item !== null
}
