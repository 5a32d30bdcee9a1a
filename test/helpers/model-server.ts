/**
 * A far end that does all that checks ask for, in the three dialects, and lies in one way where a test wants it. The bodies
 * go through the router's own codecs: what is tested is what checks make of honest and of false answers, not the wire.
 */
import { type JsonObject, parseExact } from "../../src/canonical/json.ts"
import type { Reply } from "../../src/canonical/reply.ts"
import type { Request } from "../../src/canonical/request.ts"
import { unfold } from "../../src/canonical/unfold.ts"
import type { Usage } from "../../src/canonical/usage.ts"
import type { DialectName } from "../../src/dialects/name.ts"
import { CODECS } from "../../src/dialects/registry.ts"
import { WIRES } from "../../src/dialects/wires.ts"
import { SHARED_COLOURS, squaresPng } from "../../src/validation/squares.ts"
import { cutTo, think, textIn, type Thought, tokensIn } from "./model-mind.ts"

export const MODEL = "vendor/model-1"
export const MODEL_KEY = "sk-model-server-key"
export const WINDOW_TOKENS = 20_000
type HttpRequest = globalThis.Request
const SIGNATURE = "c2lnbmF0dXJlLW9mLXRoZS12ZW5kb3I="

/** One way of not doing what is asked; each part is optional, and works on what stands at its place. */
export interface Lie {
  /** What is understood of the request. */
  readonly hears?: (request: Request) => Request
  readonly thinks?: (thought: Thought, request: Request) => Thought
  readonly says?: (reply: Reply, request: Request) => Reply
  /** The body of a whole answer. */
  readonly writes?: (body: JsonObject, request: Request, dialect: DialectName) => JsonObject
  /** The text of a stream. */
  readonly streams?: (text: string, dialect: DialectName) => string
  /** In place of any answer. */
  readonly answers?: (path: string, body: JsonObject | null) => Response | null
  readonly reasons?: boolean | "always"
  readonly refusesSignature?: true
  readonly keepsNothing?: true
  /** No window ends here. */
  readonly hasNoWindow?: true
}

export interface ModelServer extends Disposable {
  readonly url: string
  readonly imageUrl: string
  /** Bodies that were asked, by their path. */
  readonly asked: readonly { readonly path: string; readonly body: JsonObject }[]
  lie: Lie
}

export function startModelServer(lie: Lie = {}): ModelServer {
  const mind = new Mind(lie)
  const server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: (request) => mind.serve(request) })
  const url = `http://127.0.0.1:${server.port}`
  return {
    url,
    imageUrl: `${url}/picture.png`,
    asked: mind.asked,
    get lie() {
      return mind.lie
    },
    set lie(next) {
      mind.lie = next
    },
    [Symbol.dispose]: () => void server.stop(true),
  }
}

class Mind {
  lie: Lie
  readonly asked: { readonly path: string; readonly body: JsonObject }[] = []
  /** Long beginnings that were marked. */
  readonly #kept = new Set<string>()
  #ids = 0

  constructor(lie: Lie) {
    this.lie = lie
  }

  async serve(request: HttpRequest): Promise<Response> {
    const path = new URL(request.url).pathname
    if (path === "/picture.png") return new Response(squaresPng(SHARED_COLOURS))
    const key = request.headers.get("authorization") ?? request.headers.get("x-api-key") ?? ""
    if (!key.endsWith(MODEL_KEY)) return failure(401, "openai-chat", "invalid_api_key")
    const body = request.method === "POST" ? (parseExact(await request.text()) as JsonObject) : null
    if (body !== null) this.asked.push({ path, body })
    const lied = this.lie.answers?.(path, body) ?? null
    if (lied !== null) return lied
    if (path.endsWith("/models")) return Response.json({ object: "list", data: [{ id: MODEL }, { id: "other" }] })
    const dialect = dialectOf(path)
    if (body === null || dialect === null) return failure(404, "openai-chat", "not_found")
    return this.#answer(body, dialect, path.endsWith("/count_tokens"))
  }

  async #answer(body: JsonObject, dialect: DialectName, isCount: boolean): Promise<Response> {
    const codec = CODECS[dialect]
    if (!Array.isArray(body[WIRES[dialect].conversationMember])) return failure(400, dialect, "bad conversation")
    const heard = codec.readRequest(body).request
    if (isCount) return Response.json({ input_tokens: inputOf(heard) })
    if (body["model"] !== MODEL) return failure(404, dialect, "no such model")
    const request = this.lie.hears?.(heard) ?? heard
    const input = inputOf(heard)
    if (this.lie.hasNoWindow === undefined && input > WINDOW_TOKENS)
      return failure(
        400,
        dialect,
        `prompt is too long: ${input} tokens > ${WINDOW_TOKENS} maximum`,
        "context_length_exceeded",
      )
    const hasSealed = /"(?:signature|encrypted_content)":/.test(JSON.stringify(body))
    if (hasSealed && (this.lie.refusesSignature === true || !JSON.stringify(body).includes(SIGNATURE)))
      return failure(400, dialect, "the signature is not valid")
    const reply = await this.#reply(request, heard)
    const said = this.lie.says?.(reply, request) ?? reply
    const mint = (prefix: string): string => `${prefix}${++this.#ids}`
    const options = {
      request: heard,
      clientBody: body,
      model: said.model,
      mint,
      now: () => 1_800_000_000,
      estimatedUsage: said.usage,
    }
    const headers = { "x-request-id": mint("req_") }
    if (request.stream) {
      const writer = codec.createStreamWriter(options)
      const text = [...unfold(said)].map((event) => writer.push(event).toString()).join("")
      return new Response(this.lie.streams?.(text, dialect) ?? text, {
        headers: { ...headers, "content-type": "text/event-stream" },
      })
    }
    const plain = codec.writeReply(said, options).body
    const reasoned = this.#reasons(request) ? withReasoning(plain, dialect) : plain
    return Response.json(this.lie.writes?.(reasoned, request, dialect) ?? reasoned, { headers })
  }

  async #reply(request: Request, heard: Request): Promise<Reply> {
    const own = await think(request)
    const { text, calls } = this.lie.thinks?.(own, request) ?? own
    const [stop] = request.stopSequences
    const place = stop === undefined ? -1 : text.indexOf(stop)
    const uncapped = place < 0 ? text : text.slice(0, place)
    const cap = request.cap?.tokens ?? Infinity
    const said = cutTo(uncapped, cap)
    const isCut = said !== uncapped
    const blocks: Reply["blocks"] = [
      ...(said === "" ? [] : [{ type: "text" as const, text: said }]),
      ...calls.map(({ name, args }) => ({
        type: "tool-call" as const,
        id: `call_${++this.#ids}`,
        name,
        namespace: null,
        kind: "function" as const,
        arguments: JSON.stringify(args),
      })),
    ]
    const is = calls.length > 0 ? "tool-calls" : isCut ? "length" : place >= 0 ? "stop-sequence" : "end"
    return {
      id: `answer_${++this.#ids}`,
      model: MODEL,
      created: 1_800_000_000,
      blocks,
      stop: { is, raw: null },
      usage: this.#usage(heard, tokensIn(said) + calls.length * 12),
    }
  }

  #usage(request: Request, output: number): Usage {
    const input = inputOf(request)
    const mark = JSON.stringify(request.instructions) + JSON.stringify(request.messages)
    const isMarked = request.dialect !== "messages" || mark.includes('"cache":{')
    const isRead = this.lie.keepsNothing === undefined && input > 2000 && isMarked && this.#kept.has(mark)
    this.#kept.add(mark)
    const [fresh, read] = isRead ? [input - 2000, 2000] : [input, 0]
    return {
      freshInputTokens: fresh,
      cacheReadTokens: read,
      outputTokens: output,
      reasoningTokens: 0,
      source: "provider",
    }
  }

  #reasons({ reasoning }: Request): boolean {
    if (this.lie.reasons === "always") return true
    if (this.lie.reasons === false || reasoning === undefined) return false
    return reasoning.control !== "disabled" && reasoning.effort !== "none"
  }
}

function dialectOf(path: string): DialectName | null {
  if (path.endsWith("/chat/completions")) return "openai-chat"
  if (path.endsWith("/responses")) return "openai-responses"
  return path.includes("/messages") ? "anthropic" : null
}

export function failure(status: number, dialect: DialectName, message: string, code = "invalid_value"): Response {
  const type = status === 401 ? "authentication_error" : status === 403 ? "permission_error" : "invalid_request_error"
  const error = { type, code: dialect === "anthropic" ? undefined : code, message }
  return Response.json(dialect === "anthropic" ? { type: "error", error } : { error }, { status })
}

function inputOf(request: Request): number {
  const { instructions, messages, tools } = request
  const told = [...instructions, ...messages.flatMap(({ blocks }) => blocks)]
  const other = told.length * 4 + tools.length * 40
  return tokensIn(textIn(told)) + other
}

/** As each vendor shows it: text, and what only the vendor can read. */
function withReasoning(body: JsonObject, dialect: DialectName): JsonObject {
  if (dialect === "anthropic") {
    const thinking = { type: "thinking", thinking: "Let me see.", signature: SIGNATURE }
    return { ...body, content: [thinking, ...(body["content"] as readonly JsonObject[])] }
  }
  if (dialect === "openai-responses") {
    const item = { type: "reasoning", id: "rs_1", summary: [], encrypted_content: SIGNATURE }
    return { ...body, output: [item, ...(body["output"] as readonly JsonObject[])] }
  }
  const choices = body["choices"] as readonly JsonObject[]
  return {
    ...body,
    choices: choices.map((choice) => ({
      ...choice,
      message: { ...(choice["message"] as JsonObject), reasoning_content: "Let me see." },
    })),
  }
}
