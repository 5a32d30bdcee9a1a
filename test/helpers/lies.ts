/** Every way in which a server can pretend, and the check that finds it out. */
import type { Capability } from "../../src/activation/capabilities.ts"
import type { JsonObject } from "../../src/canonical/json.ts"
import type { Request } from "../../src/canonical/request.ts"
import type { Reply } from "../../src/canonical/reply.ts"
import type { Usage } from "../../src/canonical/usage.ts"
import type { DialectName } from "../../src/dialects/name.ts"
import { failure, type Lie } from "./model-server.ts"

export interface NamedLie {
  readonly name: string
  readonly caughtBy: Capability
  readonly lie: Lie
  /** Absent: all. */
  readonly dialects?: readonly DialectName[]
}

export const withoutCap = (request: Request): Request => {
  const { cap: _, ...rest } = request
  return rest
}

const withUsage = (change: (usage: Usage) => Usage): Lie => ({
  says: (reply) => (reply.usage === null ? reply : { ...reply, usage: change(reply.usage) }),
})

const withCalls = (change: (calls: Reply["blocks"]) => Reply["blocks"]): Lie => ({
  says: (reply) => ({ ...reply, blocks: change(reply.blocks) }),
})

const withArguments = (change: (text: string) => string): Lie =>
  withCalls((blocks) =>
    blocks.map((block) => (block.type === "tool-call" ? { ...block, arguments: change(block.arguments) } : block)),
  )

const LEVEL_OF_ITS_OWN = withArguments((text) => text.replace(/"level":\d+/, '"level":7'))

const BAD_REQUEST = (path: string, body: JsonObject | null): boolean =>
  body !== null && !path.endsWith("/models") && (body["messages"] === 7 || body["input"] === 7)
const isCall = (path: string): boolean => !path.endsWith("/models")
const ERROR = { error: { type: "invalid_request_error", message: "no" } }
const CHAT: readonly DialectName[] = ["openai-chat"]
const WITH_STOPS: readonly DialectName[] = ["openai-chat", "anthropic"]
const WITH_MEDIA_RESULTS: readonly DialectName[] = ["openai-responses", "anthropic"]

export const LIES: readonly NamedLie[] = [
  {
    name: "the key is refused",
    caughtBy: "entitlement",
    lie: { answers: () => failure(401, "openai-chat", "bad key", "invalid_api_key") },
  },
  {
    name: "the model is listed, and the key may not use it",
    caughtBy: "entitlement",
    lie: { answers: (path) => (isCall(path) ? failure(403, "openai-chat", "no access") : null) },
  },
  {
    name: "another model answers",
    caughtBy: "entitlement",
    lie: { says: (reply) => ({ ...reply, model: "vendor/model-1-mini" }) },
  },
  {
    name: "every answer is status 200 with an error",
    caughtBy: "entitlement",
    lie: { answers: (path) => (isCall(path) ? Response.json(ERROR) : null) },
  },
  {
    name: "instructions are ignored",
    caughtBy: "text",
    lie: {
      hears: (request) => ({
        ...request,
        instructions: [],
        messages: request.messages.filter(({ role }) => role !== "system" && role !== "developer"),
      }),
    },
  },
  {
    name: "more output tokens than were made",
    caughtBy: "budget",
    lie: withUsage((usage) => ({ ...usage, outputTokens: Math.ceil((usage.outputTokens ?? 0) * 1.1) })),
  },
  {
    name: "fewer output tokens than were made",
    caughtBy: "budget",
    lie: withUsage((usage) => ({ ...usage, outputTokens: Math.ceil((usage.outputTokens ?? 0) * 0.9) })),
  },
  {
    name: "five times the input tokens",
    caughtBy: "budget",
    lie: withUsage((usage) => ({ ...usage, freshInputTokens: (usage.freshInputTokens ?? 0) * 5 })),
  },
  {
    name: "a tenth more input tokens than its own count",
    caughtBy: "budget",
    dialects: ["anthropic"],
    lie: withUsage((usage) => ({ ...usage, freshInputTokens: Math.ceil((usage.freshInputTokens ?? 0) * 1.1) })),
  },
  {
    name: "no usage in whole answers",
    caughtBy: "budget",
    lie: { writes: (body) => ({ ...body, usage: undefined }) },
  },
  {
    name: "the cap is ignored",
    caughtBy: "caps",
    lie: { hears: withoutCap },
  },
  {
    name: "one spelling of the cap is ignored",
    caughtBy: "caps",
    dialects: CHAT,
    lie: {
      hears: ({ cap, ...request }) =>
        cap === undefined || cap.field === "max_completion_tokens" ? request : { ...request, cap },
    },
  },
  {
    name: "a stream without its end",
    caughtBy: "streaming",
    lie: {
      streams: (text) =>
        text.replace(
          /(?:event: (?:message_stop|response\.completed)\n)?data: (?:\[DONE\]|\{"type":"(?:message_stop|response\.completed)".*)\n\n$/,
          "",
        ),
    },
  },
  {
    name: "a stream that is cut off",
    caughtBy: "streaming",
    lie: { streams: (text) => text.slice(0, text.length >> 1) },
  },
  {
    name: "a stream without usage",
    caughtBy: "streaming",
    lie: { streams: (text) => text.replaceAll(/"usage":(?:null|\{(?:[^{}]|\{[^{}]*\})*\})/g, '"usage":null') },
  },
  {
    name: "an error in a stream",
    caughtBy: "streaming",
    lie: {
      streams: (text) =>
        `event: error\ndata: {"type":"error","error":{"type":"server_error","message":"no"},"code":"server_error","message":"no"}\n\n${text}`,
    },
  },
  {
    name: "arguments of tools are cut off",
    caughtBy: "tools",
    dialects: ["openai-chat", "openai-responses"],
    lie: withArguments((text) => text.slice(0, -6)),
  },
  {
    name: "arguments of tools are changed in streams",
    caughtBy: "tools",
    lie: {
      says: (reply, request) => (request.stream ? (LEVEL_OF_ITS_OWN.says?.(reply, request) ?? reply) : reply),
    },
  },
  {
    name: "arguments of tools are changed",
    caughtBy: "tools",
    lie: LEVEL_OF_ITS_OWN,
  },
  {
    name: "arguments of tools have more than the schema allows",
    caughtBy: "tools",
    lie: withArguments((text) => text.replace("{", '{"extra":1,')),
  },
  {
    name: "results of tools are ignored",
    caughtBy: "tools",
    lie: {
      thinks: (thought, { messages }) => {
        const result = messages.at(-1)?.blocks.find((block) => block.type === "tool-result")
        const hasText = result?.type === "tool-result" && result.content.every(({ type }) => type === "text")
        return hasText ? { ...thought, text: "Done." } : thought
      },
    },
  },
  {
    name: "tools are called although the choice is none",
    caughtBy: "tools",
    lie: {
      hears: ({ toolChoice, ...request }) =>
        toolChoice === undefined || toolChoice.mode === "none" ? request : { ...request, toolChoice },
    },
  },
  {
    name: "a forced choice of tools is ignored",
    caughtBy: "forced-tools",
    lie: {
      hears: ({ toolChoice, ...request }) => (toolChoice?.mode === "none" ? { ...request, toolChoice } : request),
    },
  },
  {
    name: "one call where two were asked for",
    caughtBy: "parallel-tools",
    lie: { thinks: ({ text, calls }) => ({ text, calls: calls.slice(0, 1) }) },
  },
  {
    name: "two calls with one id",
    caughtBy: "parallel-tools",
    lie: withCalls((blocks) =>
      blocks.map((block) => (block.type === "tool-call" ? { ...block, id: "call_same" } : block)),
    ),
  },
  {
    name: "the schema is ignored",
    caughtBy: "structured-output",
    lie: {
      thinks: (thought, { output }) =>
        output === undefined ? thought : { ...thought, text: `Gladly: ${thought.text}` },
    },
  },
  {
    name: "the answer has more than the schema allows",
    caughtBy: "structured-output",
    lie: {
      thinks: (thought, { output }) =>
        output === undefined ? thought : { ...thought, text: thought.text.replace("{", '{"extra":1,') },
    },
  },
  {
    name: "pictures are ignored",
    caughtBy: "image",
    lie: {
      thinks: (thought, { messages }) =>
        messages.at(-1)?.blocks.some(({ type }) => type === "image") === true
          ? { ...thought, text: "Four squares." }
          : thought,
    },
  },
  {
    name: "pictures by address are ignored",
    caughtBy: "image",
    lie: {
      thinks: (thought, { messages }) => {
        const image = messages.at(-1)?.blocks.find(({ type }) => type === "image")
        return image?.type === "image" && image.source.kind === "url" ? { ...thought, text: "Four squares." } : thought
      },
    },
  },
  {
    name: "pictures in results of tools are ignored",
    caughtBy: "image",
    dialects: WITH_MEDIA_RESULTS,
    lie: {
      thinks: (thought, { messages }) => {
        const result = messages.at(-1)?.blocks.find(({ type }) => type === "tool-result")
        const hasImage = result?.type === "tool-result" && result.content.some(({ type }) => type === "image")
        return hasImage ? { ...thought, text: "Four squares." } : thought
      },
    },
  },
  {
    name: "documents are ignored",
    caughtBy: "document",
    lie: {
      thinks: (thought, { messages }) =>
        messages.at(-1)?.blocks.some(({ type }) => type === "document") === true
          ? { ...thought, text: "A page." }
          : thought,
    },
  },
  { name: "the wish to reason is ignored", caughtBy: "reasoning", lie: { reasons: false } },
  { name: "reasoning cannot be switched off", caughtBy: "reasoning", lie: { reasons: "always" } },
  {
    name: "reasoning is not taken back",
    caughtBy: "reasoning",
    dialects: WITH_MEDIA_RESULTS,
    lie: { refusesSignature: true },
  },
  { name: "nothing is read from the prompt cache", caughtBy: "prompt-cache", lie: { keepsNothing: true } },
  {
    name: "stop sequences are ignored",
    caughtBy: "stop-sequences",
    dialects: WITH_STOPS,
    lie: { hears: (request) => ({ ...request, stopSequences: [] }) },
  },
  {
    name: "a bad request gets status 200 with an error",
    caughtBy: "errors",
    lie: { answers: (path, body) => (BAD_REQUEST(path, body) ? Response.json(ERROR) : null) },
  },
  {
    name: "a bad request gets status 500",
    caughtBy: "errors",
    lie: { answers: (path, body) => (BAD_REQUEST(path, body) ? Response.json(ERROR, { status: 500 }) : null) },
  },
  {
    name: "a bad request is refused without an error of the dialect",
    caughtBy: "errors",
    lie: { answers: (path, body) => (BAD_REQUEST(path, body) ? new Response("<html>", { status: 400 }) : null) },
  },
  { name: "what is too long is cut", caughtBy: "context", lie: { hasNoWindow: true } },
]
