/** The vendors' own accumulators, fed with bytes that came through the router. */
import Anthropic from "@anthropic-ai/sdk"
import OpenAI from "openai"
import type { Dialect } from "./samples.ts"

/** The whole answer as the dialect's official client makes it of a stream. Rejects with what the client throws. */
export async function accumulate(dialect: Dialect, stream: Uint8Array): Promise<unknown> {
  const answer = (): Promise<Response> =>
    Promise.resolve(new Response(Buffer.from(stream), { headers: { "content-type": "text/event-stream" } }))
  return ACCUMULATORS[dialect](answer)
}

type Answer = () => Promise<Response>

const ACCUMULATORS: Readonly<Record<Dialect, (answer: Answer) => Promise<unknown>>> = {
  chat: async (answer) => {
    const messages = [{ role: "user" as const, content: "x" }]
    return openai(answer).chat.completions.stream({ model: "m", messages }).finalChatCompletion()
  },
  responses: async (answer) => openai(answer).responses.stream({ model: "m", input: "x" }).finalResponse(),
  messages: async (answer) => {
    const client = new Anthropic({ apiKey: "none", baseURL: "http://127.0.0.1:1", maxRetries: 0, fetch: answer })
    const messages = [{ role: "user" as const, content: "x" }]
    return client.messages.stream({ model: "m", max_tokens: 1, messages }).finalMessage()
  },
}

function openai(answer: Answer): OpenAI {
  return new OpenAI({ apiKey: "none", baseURL: "http://127.0.0.1:1", maxRetries: 0, fetch: answer })
}
