/**
 * A model that coding agents can work with: it looks at the tools that are offered, plays a fixed task and says at the end what
 * it saw. It keeps nothing between requests; how far the task is stands in the results that come back.
 */
import type { Scenario } from "./scenario.ts"

type Json = Readonly<Record<string, unknown>>

/** What the two prompts of a task hold. */
export const TASK = "SCRIPTED TASK"
export const ONCE_MORE = "SCRIPTED TASK ONCE MORE"

/** What the last answer holds of a turn that went well: both only exist in the outputs of commands. */
export const FIRST_TURN_SAYS: readonly string[] = ["42-first", "second-2"]
export const SECOND_TURN_SAYS: readonly string[] = ["42-first", "again-7"]
/** What lies in the agent's folder at the end, but for blank ends. */
export const FILES: Readonly<Record<string, string>> = {
  "first.txt": "42-first\nagain-7",
  "second.txt": "second-2",
  "written.txt": "written ✓",
}

interface Tool {
  readonly name: string
  readonly properties: Json
}

interface View {
  readonly tools: readonly Tool[]
  readonly results: readonly string[]
  readonly asked: string
}

/** The ids of an answer's calls, by their number in it. */
export type Numbering = (name: string, index: number) => string

/** Kimi's ids: they begin anew in every answer. */
export const restarting: Numbering = (name, index) => `functions.${name}:${index}`
/** Proxies of Gemini: one id for all. */
export const repeating: Numbering = () => "call_0"

/** The answer to a request in Chat or Messages; ids are unique where nothing is said of them. */
export function scripted(numbering?: Numbering): (body: Json) => Scenario {
  return (body) => {
    const view = viewOf(body)
    return nextStep(view, numbering ?? ((_name, index) => `call_${view.results.length}_${index}`))
  }
}

/** Of a body in Chat or in Messages. */
function viewOf(body: Json): View {
  const messages = body["messages"] as readonly Json[]
  const tools = ((body["tools"] ?? []) as readonly Json[]).map((tool): Tool => {
    const { name, parameters, input_schema: schema = parameters } = (tool["function"] ?? tool) as Json
    return { name: String(name), properties: ((schema as Json | undefined)?.["properties"] ?? {}) as Json }
  })
  const blocks = messages.flatMap(({ role, content }): Json[] =>
    Array.isArray(content) && role !== "tool"
      ? (content as Json[]).map((block) => ({ role, ...block }))
      : [{ role, content }],
  )
  const isResult = ({ role, type }: Json): boolean => role === "tool" || type === "tool_result"
  const results = blocks.filter(isResult).map(({ content }) => JSON.stringify(content ?? ""))
  const asked = blocks
    .filter((block) => block["role"] === "user" && !isResult(block))
    .map((block) => JSON.stringify(block))
  return { tools, results, asked: asked.join("\n") }
}

function nextStep({ tools, results, asked }: View, numbering: Numbering): Scenario {
  const shell = tools.find(({ name }) =>
    /^(exec_command|bash|shell|run_shell_command|run_commands|execute_command)$/iu.test(name),
  )
  // side requests: titles, summaries
  if (shell === undefined || !asked.includes(TASK)) return { text: '{"title":"A task"}', stop: "end" }
  const run = (command: string): Call => [shell, commandFor(shell, command)]
  const answered = (...calls: readonly Call[]): Scenario => ({
    reasoning: `I have ${results.length} results and go on.`,
    text: "I go on.",
    calls: calls.map(([tool, given], index) => ({
      id: numbering(tool.name, index),
      name: tool.name,
      arguments: JSON.stringify(given),
    })),
    stop: "tool-calls",
  })
  const says = (): Scenario => ({ reasoning: "I am done.", text: `Seen: ${results.join(" ")}`, stop: "end" })
  switch (results.length) {
    case 0:
      return answered(run('printf "%s-first\\n" $((6*7)) > first.txt && cat first.txt'))
    case 1:
      return answered(run('printf "second-%s\\n" $((1+1)) > second.txt && cat second.txt'), run("cat first.txt"))
    case 3:
      return answered(writing(tools, asked) ?? run('printf "written ✓\\n" > written.txt'))
    case 4:
      return answered(run("cat first.txt no-such-file"))
    case 5:
      return asked.includes(ONCE_MORE)
        ? answered(run('printf "again-%s\\n" $((3+4)) >> first.txt && cat first.txt'))
        : says()
    default:
      return says()
  }
}

type Call = readonly [tool: Tool, given: Json]

function commandFor({ properties }: Tool, command: string): Json {
  const key = ["command", "cmd", "commands"].find((one) => one in properties) ?? "command"
  const isList = (properties[key] as Json | undefined)?.["type"] === "array"
  return { [key]: isList ? [command] : command, ...("description" in properties ? { description: "Runs." } : {}) }
}

/** By the agent's own tool for files. */
function writing(tools: readonly Tool[], asked: string): Call | null {
  const folder = /in the folder (\/[\w./-]+)/u.exec(asked)?.[1] ?? "."
  const patch = tools.find(({ name }) => name === "apply_patch")
  if (patch !== undefined) {
    const text = "*** Begin Patch\n*** Add File: written.txt\n+written ✓\n*** End Patch\n"
    return [patch, { [Object.keys(patch.properties)[0] ?? "input"]: text }]
  }
  const write = tools.find(({ name }) => /^(write|write_file|create)$/iu.test(name))
  if (write === undefined) return null
  const pathKey = ["file_path", "filePath", "filepath", "path"].find((one) => one in write.properties) ?? "path"
  const textKey = ["content", "file_text"].find((one) => one in write.properties) ?? "content"
  return [write, { [pathKey]: `${folder}/written.txt`, [textKey]: "written ✓\n" }]
}
