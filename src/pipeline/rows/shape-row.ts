/** What a decision could know of a call, as a row: read when it is decided, because the body may be edited afterwards. */
import type { StrategySettings } from "../../config/snapshot.ts"
import type { ShapeFeatureRow } from "../../ledger/decision-record.ts"
import { pseudonymOf } from "../../routing/affinity/conversation-key.ts"
import { estimatedInputTokens } from "../../routing/eligibility/estimate.ts"
import { isLargeBody } from "../apart/large.ts"
import type { ReceivedCall } from "../call.ts"

/** With what tells conversations apart only for a decision that is recorded whole: that takes hashes. */
export function shapeRow(call: ReceivedCall, isWhole: boolean): ShapeFeatureRow {
  const { request, group } = call
  const { shape, facts, bodyBytes } = request
  const keys = isWhole ? request.conversation : null
  const mayBeCounted = (isPolicy(group) || isPolicy(group?.shadow)) && !isLargeBody(request.body)
  const countsTexts = bodyBytes <= MOST_COUNTED_BYTES || mayBeCounted
  const { reasoning } = shape
  return {
    ts: call.ts,
    dialect: call.dialect.name,
    stream: flag(facts.stream),
    choices: facts.choices,
    output_cap_field: facts.outputCap?.field ?? null,
    output_cap_tokens: facts.outputCap?.tokens ?? null,
    body_bytes: bodyBytes,
    encoded_bytes: shape.encodedBytes,
    estimated_input_tokens: estimatedInputTokens(request, 0),
    image_count: shape.imageCount,
    tool_count: shape.toolCount,
    hosted_tool_count: shape.hostedToolCount,
    tool_schema_bytes: shape.toolSchemaBytes,
    has_tool_history: flag(shape.hasToolHistory),
    has_seals: flag(shape.hasSeals),
    tool_choice: shape.toolChoice,
    structured_output: flag(shape.structuredOutput),
    reasoning_requested: flag(reasoning.requested),
    reasoning_kind: reasoning.kind,
    reasoning_effort: reasoning.effort,
    reasoning_budget_tokens: wholeNumber(reasoning.budgetTokens),
    temperature_set: flag(shape.temperatureSet),
    uses_previous_response_id: flag(shape.sets("previous_response_id")),
    uses_function_call_output: flag(shape.hasToolHistory && shape.uses("function_call_output")),
    uses_stream_options: flag(shape.sets("stream_options")),
    message_count: countsTexts ? shape.messageCount : null,
    text_chars: countsTexts ? shape.textChars : null,
    uses_include: flag(shape.sets("include")),
    conversation_kind: keys?.kind ?? null,
    conversation_key: pseudonym(keys?.next, call),
    conversation_opening: pseudonym(keys?.known[1], call),
    sets_parallel_tool_calls: flag(shape.sets("parallel_tool_calls")),
    sets_store: flag(shape.sets("store")),
    sets_metadata: flag(shape.sets("metadata")),
    sets_truncation: flag(shape.sets("truncation")),
  }
}

/** All texts must be read to count them: of a larger body only where a policy probably has, and never of one that would hold the event loop. */
const MOST_COUNTED_BYTES = 16_384

function isPolicy(settings: StrategySettings | null | undefined): boolean {
  return settings?.strategy === "script" || settings?.strategy === "external"
}

function pseudonym(key: string | undefined, { credential }: ReceivedCall): string | null {
  return key === undefined ? null : pseudonymOf(key, credential.pseudonymKey)
}

function wholeNumber(value: number | null): number | null {
  return value !== null && Number.isSafeInteger(value) ? value : null
}

function flag(value: boolean): 0 | 1 {
  return value ? 1 : 0
}
