/** The request bodies of the load runs: the same bytes on every machine and in every run. */

/** About 0.8 KB: a short chat. */
export function smallBody(model: string): string {
  return JSON.stringify({
    model,
    messages: [
      { role: "system", content: prose(1, 40) },
      { role: "user", content: `Explain the difference between a process and a thread. ${prose(2, 80)}` },
    ],
    temperature: 0.7,
    max_tokens: 256,
    user: "bench",
  })
}

/** A short chat that wants its answer as a stream, with usage at its end. */
export function streamBody(model: string): string {
  return JSON.stringify({
    model,
    stream: true,
    stream_options: { include_usage: true },
    messages: [{ role: "user", content: `Explain the difference between a process and a thread. ${prose(3, 40)}` }],
  })
}

const AGENT_BYTES = 160_000
const LONG_AGENT_BYTES = 1_000_000

/** A coding agent in the middle of its work: long instructions, sixteen tools, a history of tool calls; 160 KB. */
export function agentBody(model: string): string {
  return agentBodyOf(model, AGENT_BYTES)
}

/** The same before its history is made shorter; 1 MB. */
export function longAgentBody(model: string): string {
  return agentBodyOf(model, LONG_AGENT_BYTES)
}

const SCREENS = 4
const SCREEN_BYTES = 150_000

/** The agent looks at a browser: four screenshots in base64 beside its other messages; 760 KB. */
export function screenBody(model: string): string {
  const request = JSON.parse(agentBody(model)) as { readonly messages: unknown[] }
  for (let screen = 1; screen <= SCREENS; screen++) {
    const data = Buffer.alloc((SCREEN_BYTES * 3) / 4, prose(screen, 200)).toString("base64")
    const image = { type: "image_url", image_url: { url: `data:image/png;base64,${data}` } }
    request.messages.splice(screen * 20, 0, {
      role: "user",
      content: [{ type: "text", text: prose(screen, 9) }, image],
    })
  }
  return JSON.stringify(request)
}

function agentBodyOf(model: string, size: number): string {
  const messages: unknown[] = [
    { role: "system", content: prose(4, 1800) },
    { role: "user", content: prose(5, 120) },
  ]
  const tools = Array.from({ length: 16 }, (_, index) => tool(index))
  const request = { model, messages, tools, tool_choice: "auto", parallel_tool_calls: true, max_tokens: 8192 }
  for (let turn = 0, bytes = JSON.stringify(request).length; bytes < size; turn++) {
    const added = [toolCall(turn), toolResult(turn)]
    messages.push(...added)
    bytes += JSON.stringify(added).length
  }
  return JSON.stringify(request)
}

function tool(index: number): unknown {
  const properties = Object.fromEntries(
    Array.from({ length: 6 }, (_, key) => [
      `argument_${key}`,
      key % 2 === 0
        ? { type: "string", description: prose(index * 7 + key, 14) }
        : { type: "array", items: { type: "string", enum: ["read", "write", "list"] }, minItems: 1 },
    ]),
  )
  return {
    type: "function",
    function: {
      name: `tool_${index}`,
      description: prose(100 + index, 90),
      parameters: { type: "object", properties, required: ["argument_0"], additionalProperties: false },
      strict: true,
    },
  }
}

function toolCall(turn: number): unknown {
  const call = {
    id: `call_${turn.toString(36).padStart(8, "0")}`,
    type: "function",
    function: {
      name: `tool_${turn % 16}`,
      arguments: JSON.stringify({ argument_0: `src/part-${turn}.ts`, argument_1: ["read"], argument_2: `"${turn}"` }),
    },
  }
  return { role: "assistant", content: turn % 3 === 0 ? prose(turn, 25) : null, tool_calls: [call] }
}

/** Program text with line numbers, as the file tools of agents return it: every twentieth byte is an escape. */
function toolResult(turn: number): unknown {
  const lines = Array.from({ length: 40 }, (_, line) => `${String(line + 1).padStart(6)}\t${programLine(turn, line)}`)
  return { role: "tool", tool_call_id: `call_${turn.toString(36).padStart(8, "0")}`, content: lines.join("\n") }
}

function programLine(turn: number, line: number): string {
  if (line % 9 === 4) return ""
  if (line % 9 === 7) return `  // ${prose(turn + line, 9)}${line === 7 ? " → see above" : ""}`
  const value = line % 4 === 1 ? `"${word(line, turn)}"` : `${word(line, turn)}(${turn}, ${line})`
  return `  const ${word(turn, line)}${line} = await ${value}`
}

const WORDS =
  "the router reads a body once and keeps every byte that it does not own so an answer can be checked against what was sent".split(
    " ",
  )

function prose(seed: number, words: number): string {
  return Array.from({ length: words }, (_, index) => word(seed, index)).join(" ")
}

function word(seed: number, index: number): string {
  return WORDS[(seed * 31 + index * 17 + ((index * index) % 7)) % WORDS.length] ?? ""
}
