import type { DemoBlock, DemoReply, DemoRequest, DemoStop } from "./exchange.ts"
import type { PromptCache } from "./prompt-cache.ts"
import { exampleOf } from "./schema-example.ts"
import { countTokens, cutToTokens } from "./tokens.ts"
import { answersTools, lastUserText, toolCallsFor } from "./tool-calls.ts"

const LONGEST_QUOTE = 120
const REASONING =
  "The demo provider does not think. It reads the last user text, looks for a tool that fits, and answers with a fixed sentence."

/** The reply to a request: the same words for the same request, and a plain statement that this is a demo. */
export function answer(request: DemoRequest, cache: PromptCache): DemoReply {
  const most = request.maxOutputTokens ?? Infinity
  const reasoning = request.reasoning ? cutToTokens(REASONING, Math.max(most - 1, 0)) : null
  const reasoningTokens = reasoning === null ? 0 : countTokens(reasoning)
  const content = contentOf(request, most - reasoningTokens)
  const output = content.blocks.reduce(
    (sum, block) => sum + countTokens(block.is === "text" ? block.text : block.input),
    0,
  )
  return {
    ...content,
    reasoning,
    usage: { ...inputUsage(request, cache), output: output + reasoningTokens, reasoning: reasoningTokens },
  }
}

type Content = Pick<DemoReply, "blocks" | "stop" | "stopSequence">

function contentOf(request: DemoRequest, mostTokens: number): Content {
  const calls = toolCallsFor(request)
  if (calls.length > 0) {
    const fits = calls.reduce((sum, call) => sum + countTokens(inputOf(call)), 0) <= mostTokens
    return { blocks: fits ? calls : [], stop: fits ? "tool-call" : "length", stopSequence: null }
  }
  return textContent(textFor(request), request.stopSequences, mostTokens)
}

function inputOf(block: DemoBlock): string {
  return block.is === "text" ? block.text : block.input
}

function textContent(whole: string, stopSequences: readonly string[], mostTokens: number): Content {
  const met = stopSequences
    .map((sequence) => ({ sequence, at: whole.indexOf(sequence) }))
    .filter(({ sequence, at }) => sequence !== "" && at >= 0)
    .toSorted((a, b) => a.at - b.at)[0]
  const said = met === undefined ? whole : whole.slice(0, met.at)
  const isCut = countTokens(said) > mostTokens
  const stop: DemoStop = isCut ? "length" : met === undefined ? "end" : "stop-sequence"
  const text = isCut ? cutToTokens(said, mostTokens) : said
  return {
    blocks: [{ is: "text", text }],
    stop,
    stopSequence: stop === "stop-sequence" ? (met?.sequence ?? null) : null,
  }
}

function textFor(request: DemoRequest): string {
  const intro = `This is the smart-router demo provider, answering as ${request.model} in the ${request.dialect} dialect.`
  if (request.format.is === "json") {
    const schema = request.format.schema
    return JSON.stringify(schema === null ? { message: intro } : exampleOf(schema, lastUserText(request)))
  }
  if (answersTools(request)) {
    const result = request.messages.at(-1)?.text ?? ""
    return `${intro} The tool answered: ${quote(result)} A real model would now go on from there.`
  }
  const images = request.messages.reduce((sum, message) => sum + message.images, 0)
  const seen = images === 0 ? "" : ` It came with ${images} image${images === 1 ? "" : "s"}, which nobody looked at.`
  return (
    `${intro} No model was asked and nothing left this machine. You wrote: ${quote(lastUserText(request))}${seen} ` +
    "Put a real provider into the configuration and the same call gets a real answer."
  )
}

function quote(text: string): string {
  const line = text.replaceAll(/\s+/gu, " ").trim()
  return line.length > LONGEST_QUOTE ? `"${line.slice(0, LONGEST_QUOTE).toWellFormed()}…"` : `"${line}".`
}

/** Tokens of everything that the client sent. */
export function inputTokens(request: DemoRequest): number {
  const texts = request.messages.reduce((sum, message) => sum + countTokens(message.text) + 3, 0)
  const tools = request.tools.reduce((sum, tool) => sum + countTokens(tool.name + JSON.stringify(tool.schema ?? {})), 0)
  return texts + tools
}

function inputUsage(
  request: DemoRequest,
  cache: PromptCache,
): Pick<DemoReply["usage"], "freshInput" | "cacheRead" | "cacheWrite"> {
  const all = inputTokens(request)
  if (request.promptCache === "off") return { freshInput: all, cacheRead: 0, cacheWrite: 0 }
  const cached = cache.cachedTokens(request.messages)
  if (request.promptCache === "automatic") return { freshInput: all - cached, cacheRead: cached, cacheWrite: 0 }
  const last = countTokens(request.messages.at(-1)?.text ?? "")
  const marked = Math.max(all - last - cached, 0)
  return { freshInput: all - cached - marked, cacheRead: cached, cacheWrite: marked }
}
