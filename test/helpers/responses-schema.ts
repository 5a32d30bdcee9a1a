/**
 * The shapes that published descriptions of the Responses API demand of a server: the vendor's SDK types, and where the
 * Open Responses schema demands more, that too. Unknown fields are allowed, missing and mistyped ones are not.
 */

import { z } from "zod"

const count = z.int().min(0)
const text = z.string()
const id = z.string().min(1)
const anything = z.record(z.string(), z.unknown())
const status = z.enum(["in_progress", "completed", "incomplete"])

const annotation = z.union([
  z.looseObject({
    type: z.literal("url_citation"),
    url: text,
    title: text,
    start_index: count,
    end_index: count,
  }),
  z.looseObject({ type: text }).refine((value) => value.type !== "url_citation"),
])

const logprob = z.looseObject({ token: text, logprob: z.number() })

const outputText = z.looseObject({
  type: z.literal("output_text"),
  text,
  annotations: z.array(annotation),
  logprobs: z.array(logprob),
})
const refusal = z.looseObject({ type: z.literal("refusal"), refusal: text })
const reasoningText = z.looseObject({ type: z.literal("reasoning_text"), text })
const summaryText = z.looseObject({ type: z.literal("summary_text"), text })

const message = z.looseObject({
  type: z.literal("message"),
  id,
  status,
  role: z.literal("assistant"),
  content: z.array(z.union([outputText, refusal])),
})
const reasoning = z.looseObject({
  type: z.literal("reasoning"),
  id,
  status: status.optional(),
  summary: z.array(summaryText),
  content: z.array(reasoningText).optional(),
  encrypted_content: z.string().optional(),
})
const call = { id, status, call_id: id, name: id, namespace: id.optional() }
const functionCall = z.looseObject({ type: z.literal("function_call"), ...call, arguments: text })
const customCall = z.looseObject({ type: z.literal("custom_tool_call"), ...call, input: text })
const KNOWN_ITEMS: readonly string[] = ["message", "reasoning", "function_call", "custom_tool_call"]
const otherItem = z.looseObject({ type: text, id }).refine((item) => !KNOWN_ITEMS.includes(item.type))

export const outputItem: z.ZodType = z.union([message, reasoning, functionCall, customCall, otherItem])

export const usage: z.ZodType = z.looseObject({
  input_tokens: count,
  input_tokens_details: z.looseObject({ cached_tokens: count, cache_write_tokens: count }),
  output_tokens: count,
  output_tokens_details: z.looseObject({ reasoning_tokens: count }),
  total_tokens: count,
})

export const response: z.ZodType = z.looseObject({
  id,
  object: z.literal("response"),
  created_at: count,
  completed_at: count.nullable(),
  status: z.enum(["in_progress", "completed", "incomplete", "failed"]),
  incomplete_details: z.object({ reason: z.enum(["max_output_tokens", "content_filter"]) }).nullable(),
  error: z.object({ code: id, message: text }).nullable(),
  model: text,
  previous_response_id: z.string().nullable(),
  instructions: z.union([text, z.array(anything)]).nullable(),
  output: z.array(outputItem),
  tools: z.array(
    z.union([
      z.looseObject({
        type: z.literal("function"),
        name: id,
        description: z.string().nullable(),
        parameters: anything.nullable(),
        strict: z.boolean().nullable(),
      }),
      z.looseObject({ type: text }).refine((tool) => tool.type !== "function"),
    ]),
  ),
  tool_choice: z.union([z.enum(["none", "auto", "required"]), z.looseObject({ type: text })]),
  truncation: z.enum(["auto", "disabled"]),
  parallel_tool_calls: z.boolean(),
  text: z.looseObject({ format: z.looseObject({ type: text }) }),
  top_p: z.number(),
  presence_penalty: z.number(),
  frequency_penalty: z.number(),
  top_logprobs: count,
  temperature: z.number(),
  reasoning: z.looseObject({ effort: z.string().nullable(), summary: z.string().nullable() }).nullable(),
  user: z.string().nullable(),
  usage: usage.nullable(),
  max_output_tokens: count.nullable(),
  max_tool_calls: count.nullable(),
  store: z.boolean(),
  background: z.boolean(),
  service_tier: z.enum(["auto", "default", "flex", "scale", "priority", "fast", "ultrafast"]),
  metadata: anything,
  safety_identifier: z.string().nullable(),
  prompt_cache_key: z.string().nullable(),
})

const inItem = { item_id: id, output_index: count }
const inPart = { ...inItem, content_index: count }
const inSummary = { ...inItem, summary_index: count }
const part = z.union([outputText, refusal, reasoningText])

/** By the type of the event; a type that is not here is a mistake. */
const EVENTS: Readonly<Record<string, z.ZodRawShape>> = {
  "response.created": { response },
  "response.in_progress": { response },
  "response.completed": { response },
  "response.incomplete": { response },
  "response.failed": { response },
  "response.output_item.added": { output_index: count, item: outputItem },
  "response.output_item.done": { output_index: count, item: outputItem },
  "response.content_part.added": { ...inPart, part },
  "response.content_part.done": { ...inPart, part },
  "response.output_text.delta": { ...inPart, delta: text, logprobs: z.array(logprob) },
  "response.output_text.done": { ...inPart, text, logprobs: z.array(logprob) },
  "response.output_text.annotation.added": { ...inPart, annotation_index: count, annotation },
  "response.refusal.delta": { ...inPart, delta: text },
  "response.refusal.done": { ...inPart, refusal: text },
  "response.reasoning_summary_part.added": { ...inSummary, part: summaryText },
  "response.reasoning_summary_part.done": { ...inSummary, part: summaryText },
  "response.reasoning_summary_text.delta": { ...inSummary, delta: text },
  "response.reasoning_summary_text.done": { ...inSummary, text },
  "response.reasoning_text.delta": { ...inPart, delta: text },
  "response.reasoning_text.done": { ...inPart, text },
  "response.function_call_arguments.delta": { ...inItem, delta: text },
  "response.function_call_arguments.done": { ...inItem, arguments: text },
  "response.custom_tool_call_input.delta": { ...inItem, delta: text },
  "response.custom_tool_call_input.done": { ...inItem, input: text },
  keepalive: {},
}

/** What the schema finds wrong with an event; empty when it is right. */
export function faultsOfEvent(event: { readonly type: string }): readonly string[] {
  const shape = EVENTS[event.type]
  if (shape === undefined) return [`unknown event ${event.type}`]
  return faults(z.looseObject({ sequence_number: count, ...shape }), event, event.type)
}

export function faultsOfResponse(value: unknown): readonly string[] {
  return faults(response, value, "response")
}

function faults(schema: z.ZodType, value: unknown, name: string): readonly string[] {
  const result = schema.safeParse(value)
  if (result.success) return []
  return result.error.issues.map((issue) => `${name}.${issue.path.join(".")}: ${issue.message}`)
}
