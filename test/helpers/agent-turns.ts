/** The two requests of a turn with one tool call, as coding agents write them: Claude Code in Messages, Codex in Responses. */
import { accumulate } from "./accumulate.ts"
import type { Answer } from "./client.ts"
import { at } from "./streams.ts"

type Json = Readonly<Record<string, unknown>>

export interface Agent {
  readonly dialect: "messages" | "responses"
  readonly headers: Readonly<Record<string, string>>
  first(group: string, marker: string, isStreamed: boolean): Json
  /** `answer`: the first one, whole. */
  second(before: Json, answer: unknown): Json
}

const SCHEMA = { type: "object", properties: { at: { type: "string" } }, required: ["at"], additionalProperties: false }

export const CLAUDE_CODE: Agent = {
  dialect: "messages",
  headers: { "x-claude-code-session-id": "session-1", "anthropic-version": "2023-06-01" },
  first: (model, marker, isStreamed) => ({
    model,
    stream: isStreamed,
    max_tokens: 4000,
    thinking: { type: "adaptive", display: "summarized" },
    output_config: { effort: "high" },
    metadata: { user_id: "user_1" },
    system: [
      { type: "text", text: "You are an agent.", cache_control: { type: "ephemeral" } },
      { type: "text", text: "Be brief." },
    ],
    messages: [
      { role: "user", content: [{ type: "text", text: marker }] },
      { role: "system", content: [{ type: "text", text: "The date has changed." }] },
    ],
    tools: [{ name: "look", description: "Looks.", input_schema: SCHEMA }],
  }),
  second: (before, answer) => {
    const content = at(answer, "content") as readonly Json[]
    const call = content.find(({ type }) => type === "tool_use")
    const results = [
      { type: "tool_result", tool_use_id: call?.["id"], content: "blue" },
      { type: "text", text: "<system-reminder>Keep going.</system-reminder>" },
    ]
    const messages = [
      ...(before["messages"] as Json[]),
      { role: "assistant", content },
      { role: "user", content: results },
    ]
    return { ...before, messages }
  },
}

export const CODEX: Agent = {
  dialect: "responses",
  headers: {},
  first: (model, marker, isStreamed) => ({
    model,
    stream: isStreamed,
    store: false,
    instructions: "You are an agent.",
    include: ["reasoning.encrypted_content"],
    reasoning: { effort: "xhigh", summary: "auto" },
    text: { verbosity: "low" },
    prompt_cache_key: "thread-1",
    parallel_tool_calls: false,
    tool_choice: "auto",
    tools: [{ type: "function", name: "look", description: "Looks.", parameters: SCHEMA, strict: false }],
    input: [
      { type: "message", role: "developer", content: [{ type: "input_text", text: "Permissions." }] },
      { type: "message", role: "developer", content: [{ type: "input_text", text: "Skills." }] },
      { type: "message", role: "user", content: [{ type: "input_text", text: "<environment>" }] },
      { type: "message", role: "user", content: [{ type: "input_text", text: marker }] },
    ],
  }),
  second: (before, answer) => {
    const items = at(answer, "output") as readonly Json[]
    const call = items.find(({ type }) => type === "function_call")
    const output = { type: "function_call_output", call_id: call?.["call_id"], output: "blue" }
    return { ...before, input: [...(before["input"] as Json[]), ...items, output] }
  },
}

export async function whole(agent: Agent, answer: Answer, isStreamed: boolean): Promise<unknown> {
  return isStreamed ? accumulate(agent.dialect, answer.bytes) : (JSON.parse(answer.text) as unknown)
}
