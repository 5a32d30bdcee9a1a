/** A receiver of OTLP over HTTP that takes nothing but what the published definitions of its messages say. */
import { gunzipSync } from "node:zlib"
// the definitions, compiled by their makers: messages are read, and refused, as they say
import root from "@opentelemetry/otlp-transformer/build/src/generated/root.js"

export interface OtlpMessage {
  readonly signal: "traces" | "logs" | "metrics"
  readonly headers: Headers
  readonly bytes: number
  /** In the form of the definitions, ids in hex, whole numbers of 64 bits as texts. */
  readonly value: Tree
}

export interface Tree {
  // oxlint-disable-next-line typescript/no-explicit-any -- the definitions have said already of which type a member is
  readonly [name: string]: any
}

export interface Span {
  readonly name: string
  readonly kind: string
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId: string
  readonly flags: number
  readonly startMs: number
  readonly endMs: number
  readonly isError: boolean
  readonly attributes: Readonly<Record<string, unknown>>
}

interface Type {
  decode(bytes: Uint8Array): object
  encode(message: object): { finish(): Uint8Array }
  verify(message: object): string | null
  fromObject(plain: object): object
  toObject(message: object, options: object): Tree
}

const { collector } = (root as unknown as Tree)["opentelemetry"].proto as Tree
const TYPES: Readonly<Record<OtlpMessage["signal"], Type>> = {
  traces: collector["trace"].v1.ExportTraceServiceRequest,
  logs: collector["logs"].v1.ExportLogsServiceRequest,
  metrics: collector["metrics"].v1.ExportMetricsServiceRequest,
}
const PLAIN = { longs: String, enums: String, bytes: String, arrays: false, objects: false }
const IDS = new Set(["traceId", "spanId", "parentSpanId"])

/** @throws Error for a field that the definitions do not know, and for a value that they do not allow */
export function readOtlp(signal: OtlpMessage["signal"], contentType: string, body: Uint8Array): Tree {
  const type = TYPES[signal]
  if (contentType === "application/json") {
    const plain = mapIds(JSON.parse(Buffer.from(body).toString("utf8")), (hex) =>
      Buffer.from(hex, "hex").toString("base64"),
    ) as object
    const message = type.fromObject(plain)
    const wrong = type.verify(message)
    if (wrong !== null) throw new Error(wrong)
    const read = type.toObject(message, PLAIN)
    if (countMembers(read) !== countMembers(plain)) throw new Error("the definitions do not know a member of the JSON")
    return withHexIds(read)
  }
  if (contentType !== "application/x-protobuf") throw new Error(`no content type of OTLP: ${contentType}`)
  const message = type.decode(body)
  const wrong = type.verify(message)
  if (wrong !== null) throw new Error(wrong)
  // what is not known, or not written as the rules say, does not come back
  if (type.encode(message).finish().length !== body.length) throw new Error("the definitions do not know a field")
  return withHexIds(type.toObject(message, PLAIN))
}

function withHexIds(read: Tree): Tree {
  return mapIds(read, (base64) => Buffer.from(base64, "base64").toString("hex")) as Tree
}

function mapIds(value: unknown, map: (id: string) => string): unknown {
  if (Array.isArray(value)) return value.map((one) => mapIds(one, map))
  if (typeof value !== "object" || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [
      name,
      IDS.has(name) && typeof inner === "string" ? map(inner) : mapIds(inner, map),
    ]),
  )
}

/** Leaves: a default that is written in JSON, such as an empty unit, comes back as well. */
function countMembers(value: unknown): number {
  if (typeof value !== "object" || value === null) return 1
  return Object.values(value).reduce((sum: number, one) => sum + countMembers(one), 0)
}

export function spansOf({ value }: OtlpMessage): readonly Span[] {
  return value["resourceSpans"].flatMap((resource: Tree) =>
    resource["scopeSpans"].flatMap((scope: Tree) => scope["spans"].map(spanOf)),
  )
}

function spanOf(span: Tree): Span {
  return {
    name: span["name"],
    kind: String(span["kind"]).replace("SPAN_KIND_", "").toLowerCase(),
    traceId: span["traceId"],
    spanId: span["spanId"],
    parentSpanId: span["parentSpanId"] ?? "",
    flags: Number(span["flags"] ?? 0),
    startMs: Number(span["startTimeUnixNano"]) / 1e6,
    endMs: Number(span["endTimeUnixNano"]) / 1e6,
    isError: span["status"]?.code === "STATUS_CODE_ERROR",
    attributes: attributesOf(span),
  }
}

export function attributesOf({ attributes = [] }: Tree): Readonly<Record<string, unknown>> {
  const entries = (attributes as readonly Tree[]).map(({ ["key"]: key, ["value"]: value }) => [key, plainValue(value)])
  if (new Set(entries.map(([key]) => key)).size !== entries.length) throw new Error("an attribute stands twice")
  return Object.fromEntries(entries) as Readonly<Record<string, unknown>>
}

function plainValue(value: Tree): unknown {
  if (value["arrayValue"] !== undefined) return (value["arrayValue"].values ?? []).map(plainValue)
  if (value["intValue"] !== undefined) return Number(value["intValue"])
  return value["stringValue"] ?? value["boolValue"] ?? value["doubleValue"]
}

/** What the receiver does with a message. */
export type Answering = (message: OtlpMessage) => Response | undefined

export class OtlpReceiver {
  readonly messages: OtlpMessage[] = []
  /** Exports that the definitions do not allow. */
  readonly faults: string[] = []
  answering: Answering = () => undefined
  readonly #server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: (request) => this.#take(request) })

  get url(): string {
    return `http://127.0.0.1:${this.#server.port}`
  }

  of(signal: OtlpMessage["signal"]): readonly OtlpMessage[] {
    return this.messages.filter((message) => message.signal === signal)
  }

  get spans(): readonly Span[] {
    return this.of("traces").flatMap(spansOf)
  }

  async stop(): Promise<void> {
    await this.#server.stop(true)
  }

  async #take(request: Request): Promise<Response> {
    const signal = /\/v1\/(traces|logs|metrics)$/u.exec(request.url)?.[1] as OtlpMessage["signal"] | undefined
    if (signal === undefined || request.method !== "POST") return new Response(null, { status: 404 })
    const sent = await request.bytes()
    const body = request.headers.get("content-encoding") === "gzip" ? gunzipSync(sent) : sent
    try {
      const value = readOtlp(signal, request.headers.get("content-type") ?? "", body)
      const message = { signal, headers: request.headers, bytes: sent.length, value }
      const answer = this.answering(message)
      if (answer !== undefined) return answer
      this.messages.push(message)
      return new Response(new Uint8Array(), { headers: { "content-type": "application/x-protobuf" } })
    } catch (error) {
      this.faults.push(String(error))
      return new Response(String(error), { status: 400 })
    }
  }
}
