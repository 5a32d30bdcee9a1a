/**
 * The demo provider: the far end of `smart-router demo`, in the same process. It plays a vendor that speaks all three
 * dialects, checks its key, refuses nonsense, and says in every answer that it is a demo. The only pretend thing in the product.
 */
import { answer, inputTokens } from "./answer.ts"
import { chatReply, chatStream } from "./chat-reply.ts"
import { readChatRequest } from "./chat-request.ts"
import { eventStreamBody } from "./event-stream.ts"
import type { DemoContext, DemoReply, DemoRequest } from "./exchange.ts"
import { messagesReply, messagesStream } from "./messages-reply.ts"
import { readMessagesRequest } from "./messages-request.ts"
import { createPromptCache } from "./prompt-cache.ts"
import { responsesReply, responsesStream } from "./responses-reply.ts"
import { readResponsesRequest } from "./responses-request.ts"
import { VendorError } from "./vendor-error.ts"
import { isRecord, type WireObject as Body } from "./wire-value.ts"

/** Answers. */
export const DEMO_MODELS = ["demo-large", "demo-small"] as const
/** Always answers 503, so that failover can be seen. */
export const DEMO_BROKEN_MODEL = "demo-broken"

export interface DemoProviderOptions {
  /** Unix milliseconds. */
  readonly now: () => number
  /** The key that callers must send, as `Authorization: Bearer` or `x-api-key`. */
  readonly key: string
  /** Between two frames of a stream; 15 if absent. */
  readonly pauseMs?: number
}

export interface DemoProvider {
  /** Without a path, e.g. `http://127.0.0.1:41234`. */
  readonly url: string
  stop(): Promise<void>
}
type Answer = Body | Generator<string>
type Route = (body: Body, headers: Headers, context: DemoContext) => Answer

const MODELS: ReadonlySet<string> = new Set([...DEMO_MODELS, DEMO_BROKEN_MODEL])

export function startDemoProvider(options: DemoProviderOptions): DemoProvider {
  const routes = routesOf(createPromptCache())
  let calls = 0
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    idleTimeout: 255,
    async fetch(request) {
      calls += 1
      const context = contextOf(options.now(), calls)
      const path = new URL(request.url).pathname
      const style = path.startsWith("/v1/messages") ? "anthropic" : "openai"
      const requestId = context.newId("req_")
      const headers = { "x-request-id": requestId, "request-id": requestId }
      try {
        const result = await respond(request, routes[path], context, options.key)
        if (Symbol.iterator in result) {
          const stream = eventStreamBody(result, options.pauseMs ?? 15)
          return new Response(stream, { headers: { ...headers, "content-type": "text/event-stream; charset=utf-8" } })
        }
        return Response.json(result, { headers })
      } catch (thrown) {
        if (!(thrown instanceof VendorError)) throw thrown
        return Response.json(errorBody(thrown, style, requestId), { status: thrown.status, headers })
      }
    },
  })
  return { url: `http://127.0.0.1:${server.port}`, stop: () => server.stop(true) }
}

function routesOf(cache: ReturnType<typeof createPromptCache>): Readonly<Record<string, Route>> {
  const answered = (request: DemoRequest): DemoReply => {
    if (request.model !== DEMO_BROKEN_MODEL) return answer(request, cache)
    const type = request.dialect.startsWith("Anthropic") ? "overloaded_error" : "server_error"
    throw new VendorError({ status: 503, type, message: "This demo model is always out of order, to show failover." })
  }
  return {
    "/v1/chat/completions": (body, _headers, context) => {
      const request = readChatRequest(body, MODELS)
      const reply = answered(request)
      return request.stream ? chatStream(request, reply, context) : chatReply(request, reply, context)
    },
    "/v1/responses": (body, _headers, context) => {
      const request = readResponsesRequest(body, MODELS)
      const reply = answered(request)
      return request.stream ? responsesStream(request, reply, context) : responsesReply(request, reply, context)
    },
    "/v1/messages": (body, headers, context) => {
      requireVersion(headers)
      const request = readMessagesRequest(body, MODELS, "answer")
      const reply = answered(request)
      return request.stream ? messagesStream(request, reply, context) : messagesReply(request, reply, context)
    },
    "/v1/messages/count_tokens": (body, headers) => {
      requireVersion(headers)
      return { input_tokens: inputTokens(readMessagesRequest(body, MODELS, "count")) }
    },
  }
}

async function respond(request: Request, route: Route | undefined, context: DemoContext, key: string): Promise<Answer> {
  if (route === undefined) throw new VendorError({ status: 404, type: "not_found_error", message: "Not found" })
  if (request.method !== "POST") throw new VendorError({ status: 405, message: "Method not allowed" })
  const sent = request.headers.get("x-api-key") ?? request.headers.get("authorization")?.replace(/^Bearer\s+/iu, "")
  if (sent !== key) {
    throw new VendorError({
      status: 401,
      type: "authentication_error",
      code: "invalid_api_key",
      message: "Incorrect API key provided.",
    })
  }
  return route(await readBody(request), request.headers, context)
}

async function readBody(request: Request): Promise<Body> {
  let body: unknown
  try {
    body = await request.json()
  } catch {
    throw new VendorError({ status: 400, message: "We could not parse the JSON body of your request." })
  }
  if (isRecord(body)) return body
  throw new VendorError({ status: 400, message: "The body must be a JSON object." })
}

function requireVersion(headers: Headers): void {
  if (headers.get("anthropic-version") !== null) return
  throw new VendorError({ status: 400, message: "anthropic-version: header is required" })
}

function errorBody(error: VendorError, style: "anthropic" | "openai", requestId: string): Body {
  const { message, type, code, param } = error
  if (style === "openai") return { error: { message, type, param, code } }
  return { type: "error", error: { type, message }, request_id: requestId }
}

function contextOf(nowMs: number, call: number): DemoContext {
  const createdS = Math.floor(nowMs / 1000)
  const stem = `demo${nowMs.toString(36)}${call.toString(36)}`
  const ids = new Map<string, number>()
  return {
    createdS,
    newId(prefix) {
      const used = (ids.get(prefix) ?? 0) + 1
      ids.set(prefix, used)
      return `${prefix}${stem}x${used}`
    },
  }
}
