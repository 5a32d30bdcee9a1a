/** What a written request asks its target for, in whatever dialect: read from its top-level fields. */
import { isObject, type JsonObject, type JsonValue } from "../canonical/json.ts"
import { isStructured, toolChoiceShape } from "./shape-reader.ts"

/** Field names are columns of `request_translation_shapes`. */
export interface WrittenShape {
  readonly message_count: number
  readonly tool_count: number
  readonly tool_choice: string
  readonly output_cap_field: string | null
  readonly output_cap_tokens: number | null
  readonly reasoning_field: string | null
  readonly structured_output: 0 | 1
}

const CAPS = ["max_completion_tokens", "max_output_tokens", "max_tokens"] as const
const REASONING = ["reasoning_effort", "reasoning", "thinking", "enable_thinking", "chat_template_kwargs"] as const

export function writtenShape(body: JsonObject): WrittenShape {
  const cap = CAPS.find((field) => typeof body[field] === "number")
  const format = body["response_format"] ?? member(body["text"], "format") ?? member(body["output_config"], "format")
  return {
    message_count: countOf(body["messages"] ?? body["input"]),
    tool_count: Array.isArray(body["tools"]) ? body["tools"].length : 0,
    tool_choice: toolChoiceShape(body["tool_choice"], wordOf),
    output_cap_field: cap ?? null,
    output_cap_tokens: cap === undefined ? null : Number(body[cap]),
    reasoning_field: REASONING.find((field) => body[field] !== undefined) ?? null,
    structured_output: isStructured(format) ? 1 : 0,
  }
}

function countOf(conversation: JsonValue | undefined): number {
  return Array.isArray(conversation) ? conversation.length : conversation === undefined ? 0 : 1
}

function member(value: JsonValue | undefined, key: string): JsonValue | undefined {
  return isObject(value) ? value[key] : undefined
}

function wordOf(choice: object): string | null {
  const { type } = choice as { readonly type?: unknown }
  return typeof type === "string" ? type : null
}
