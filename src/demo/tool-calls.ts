import type { DemoBlock, DemoRequest, DemoTool } from "./exchange.ts"
import { exampleOf } from "./schema-example.ts"

const MOST_CALLS = 4
/** Words in tool names that say nothing about what the tool is for. */
const EMPTY_WORDS = new Set(["get", "set", "the", "and", "for", "with", "tool", "call", "run", "use", "make", "read"])

/** The calls that the request asks for, none where plain text is the answer. */
export function toolCallsFor(request: DemoRequest): readonly DemoBlock[] {
  const asked = lastUserText(request)
  return chosenTools(request, asked).map((tool) => ({
    is: "tool-call",
    name: tool.name,
    kind: tool.kind,
    input: tool.kind === "custom" ? "smart-router demo" : JSON.stringify(exampleOf(tool.schema, asked)),
  }))
}

/** What the person wrote last, without what an agent puts around it. */
export function lastUserText(request: DemoRequest): string {
  const text = request.messages.findLast((message) => message.role === "user")?.text ?? ""
  const [before = "", ...marked] = text.split("<system-reminder>")
  const said = [before, ...marked.map((part) => part.split("</system-reminder>")[1] ?? "")].join("").trim()
  return said === "" ? text : said
}

function chosenTools(request: DemoRequest, asked: string): readonly DemoTool[] {
  const choice = request.toolChoice
  const most = request.parallelToolCalls ? MOST_CALLS : 1
  const fitting = request.tools.filter((tool) => isAskedFor(tool, asked))
  switch (choice.is) {
    case "none":
      return []
    case "named":
      return request.tools.filter((tool) => tool.name === choice.name).slice(0, 1)
    case "any":
      return (fitting.length > 0 ? fitting : request.tools.slice(0, 1)).slice(0, most)
    case "auto":
      return answersTools(request) ? [] : fitting.slice(0, most)
  }
}

/** The results of the last calls have just come in: now it is time for words. */
export function answersTools(request: DemoRequest): boolean {
  return request.messages.at(-1)?.role === "tool"
}

function isAskedFor(tool: DemoTool, asked: string): boolean {
  const text = asked.toLowerCase()
  if (text.includes(tool.name.toLowerCase())) return true
  const words = tool.name
    .replaceAll(/(\p{Ll})(\p{Lu})/gu, "$1 $2")
    .toLowerCase()
    .split(/[^\p{L}\p{N}]+/u)
  return words.some((word) => word.length > 2 && !EMPTY_WORDS.has(word) && text.includes(word))
}
