/** Watches a Messages stream. */
import type { RouterError } from "../../errors.ts"
import { readFields, startsWith } from "../../sse/fields.ts"
import { FRAME, type AnswerFacts, type StreamObserver, type UpstreamFault } from "../dialect.ts"
import { meterDeltas } from "../delta-text.ts"
import { CLAUDE_TOKENS, OutputMeter } from "../output-meter.ts"
import { asArray, asObject, asString, asToken, parseBytes, parseObject, type Loose } from "../loose.ts"
import { faultOf } from "../error-words.ts"
import { streamFailure } from "../stream-failure.ts"
import { renderMessagesError } from "./error.ts"
import { readMessagesUsage, takeUsage } from "./usage.ts"

const MOST_RESULTS = 256
const DELTA = Buffer.from("event: content_block_delta\n")

export class MessagesObserver implements StreamObserver {
  finished = false
  fault: UpstreamFault | null = null
  readonly meter: OutputMeter = new OutputMeter(CLAUDE_TOKENS)
  private contentSeen = false
  private anyEvent = false
  private model: string | null = null
  private id: unknown = null
  private thread: unknown = null
  private container: unknown = null
  /** Blocks that list files which outlive the answer, with nothing but these. */
  private readonly results: Loose[] = []
  private stopReason: string | null = null
  private readonly usage: Record<string, unknown> = {}
  /** The output was counted at the end; what `message_start` says of it is provisional. */
  private outputTold = false

  frame(bytes: Uint8Array, start: number, end: number): number {
    if (this.contentSeen && startsWith(bytes, start, end, DELTA)) {
      meterDeltas(bytes, start, end, this.meter)
      return FRAME.content
    }
    const { event, data } = readFields(bytes, start, end)
    if (data === null) return FRAME.plain
    const body = parseObject(data)
    const type = asString(body?.["type"]) ?? event
    if (type === "error") {
      this.fault = faultOf(body?.["error"] ?? body)
      return FRAME.fault
    }
    // an end of nothing is no answer
    if (type === "message_stop") return this.anyEvent ? FRAME.terminal : FRAME.fault
    const verdict = body === null ? FRAME.plain : this.event(type, body)
    if (type === "content_block_delta") meterDeltas(bytes, start, end, this.meter)
    if (verdict === FRAME.content) this.contentSeen = true
    return verdict
  }

  facts(): AnswerFacts {
    return {
      usage: readMessagesUsage(this.usage, this.model, this.outputTold),
      stopReason: this.stopReason,
      serviceTier: asToken(this.usage["service_tier"]),
    }
  }

  answer(): Loose {
    return { id: this.id, thread: this.thread, container: this.container, content: this.results }
  }

  renderFailure(error: RouterError, requestId: string): string {
    return `event: error\ndata: ${renderMessagesError(error, requestId, null, streamFailure(error, requestId))}\n\n`
  }

  renderRefusal(_status: number, bytes: Uint8Array, requestId: string): string {
    const body = parseBytes(bytes) ?? { message: Buffer.from(bytes).toString() }
    const whole = body["type"] === "error" ? body : { error: body["error"] ?? body, request_id: requestId }
    return `event: error\ndata: ${JSON.stringify({ ...whole, type: "error" })}\n\n`
  }

  keepAlive(): string {
    return 'event: ping\ndata: {"type":"ping"}\n\n'
  }

  lastWord(): string {
    return 'event: message_stop\ndata: {"type":"message_stop"}\n\n'
  }

  private event(type: string | null, body: Loose): number {
    if (type !== "ping") this.anyEvent = true
    if (type === "content_block_delta") return FRAME.content
    if (type === "content_block_start") {
      const block = asObject(body["content_block"])
      const isResult = block !== null && String(block["type"]).endsWith("_tool_result")
      if (!isResult) this.meterBlock(block)
      if (isResult && this.results.length < MOST_RESULTS) this.results.push(...resultWithFiles(block))
      // what a tool of the provider found is not written by the model, however long it is
      if (isResult && this.contentSeen) return FRAME.plain
      return opensWithContent(block) ? FRAME.content : FRAME.plain
    }
    if (type === "message_delta") {
      this.outputTold = takeUsage(this.usage, body["usage"], this.contentSeen) || this.outputTold
      this.takeStop(asObject(body["delta"]))
      this.takeState(asObject(body["delta"]))
    }
    if (type === "message_start") {
      const message = asObject(body["message"])
      this.model ??= asString(message?.["model"])
      takeUsage(this.usage, message?.["usage"], false)
      this.takeStop(message)
      // an answer that stands in its start as a whole is counted there
      this.outputTold ||= this.finished
      this.id ??= message?.["id"]
      this.takeState(message)
      const content = asArray(message?.["content"])
      for (const block of content) this.meterBlock(asObject(block))
      if (content.length > 0) return FRAME.content
    }
    return FRAME.plain
  }

  /** What a block says as it begins; most begin empty. */
  private meterBlock(block: Loose | null): void {
    if (!String(block?.["type"]).endsWith("tool_use")) return this.meter.addWhole(block)
    this.meter.call()
    this.meter.addText(JSON.stringify(block?.["input"] ?? {}))
  }

  private takeState(holder: Loose | null): void {
    this.thread ??= holder?.["thread"]
    this.container = holder?.["container"] ?? this.container
  }

  private takeStop(holder: Loose | null): void {
    const reason = asToken(holder?.["stop_reason"])
    if (reason === null) return
    this.stopReason = reason
    this.finished = true
  }
}

/** What ids of stored state are read from; none where the result lists no files. */
function resultWithFiles({ type, content }: Loose): readonly Loose[] {
  const files = asArray(asObject(content)?.["content"]).flatMap((output) => {
    const id = asString(asObject(output)?.["file_id"])
    return id === null ? [] : [{ file_id: id }]
  })
  return files.length === 0 ? [] : [{ type, content: { content: files } }]
}

/** Text and thinking blocks start empty and fill up; every other kind (a tool call, a sealed thought, a result) already says something. */
function opensWithContent(block: Loose | null): boolean {
  const type = block?.["type"]
  if (type === "text") return block?.["text"] !== ""
  if (type === "thinking") return block?.["thinking"] !== ""
  return block !== null
}
