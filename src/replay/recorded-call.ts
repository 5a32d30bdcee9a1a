/** A recorded call as strategies and filters see a call: from the rows of its shape. Its texts are not known. */
import type { Caller, Group } from "../config/snapshot.ts"
import type { SpendCeiling } from "../config/compile/spend-ceiling.ts"
import type { DialectName, RequestFacts } from "../dialects/dialect.ts"
import type { RequestShape } from "../dialects/shape-reader.ts"
import type { CallShape, ReasoningShape } from "../dialects/shape.ts"
import type { ReplayedUsage } from "../ledger/decision-queries.ts"
import type { ShapeFeatureRow } from "../ledger/decision-record.ts"
import type { Asked } from "../routing/eligibility/filter.ts"
import type { CallFacts, MissedContent } from "../routing/strategy.ts"

/** `unknownFeatures` collects what a filter asked for and no row tells. */
export function askedOf(
  row: ShapeFeatureRow,
  model: string,
  ceiling: SpendCeiling | null,
  unknownFeatures: Set<string>,
): Asked {
  return {
    dialect: { name: row.dialect as DialectName },
    facts: requestFacts(row, model),
    shape: new RecordedShape(row, unknownFeatures),
    bodyBytes: row.body_bytes,
    holdsState: false,
    ceiling,
    ts: row.ts,
  }
}

function requestFacts(row: ShapeFeatureRow, model: string): RequestFacts {
  const { output_cap_field: field, output_cap_tokens: tokens } = row
  return {
    model: model === "" ? null : model,
    stream: row.stream === 1,
    includeUsage: false,
    outputCap: field === null || tokens === null ? null : { field, fields: [field], tokens },
    choices: row.choices,
    drafts: row.choices,
  }
}

class RecordedShape implements RequestShape {
  readonly messageCount: number
  readonly textChars: number
  readonly imageCount: number
  readonly toolCount: number
  readonly hostedToolCount: number
  readonly toolSchemaBytes: number
  readonly hasToolHistory: boolean
  readonly hasSeals: boolean
  readonly encodedBytes: number
  readonly encodedImageBytes: number
  readonly pointsElsewhere: boolean
  readonly toolChoice: CallShape["toolChoice"]
  readonly structuredOutput: boolean
  readonly reasoning: ReasoningShape
  readonly temperatureSet: boolean
  readonly endUser = null
  private readonly row: ShapeFeatureRow
  private readonly unknownFeatures: Set<string>

  constructor(row: ShapeFeatureRow, unknownFeatures: Set<string>) {
    this.row = row
    this.unknownFeatures = unknownFeatures
    this.messageCount = row.message_count ?? 0
    this.textChars = row.text_chars ?? 0
    this.imageCount = row.image_count
    this.toolCount = row.tool_count
    this.hostedToolCount = row.hosted_tool_count
    this.toolSchemaBytes = row.tool_schema_bytes
    this.hasToolHistory = row.has_tool_history === 1
    this.hasSeals = row.has_seals === 1
    this.encodedBytes = row.encoded_bytes
    // which of them were images is not recorded
    this.encodedImageBytes = row.image_count > 0 ? row.encoded_bytes : 0
    this.pointsElsewhere = row.uses_previous_response_id === 1
    this.toolChoice = row.tool_choice as CallShape["toolChoice"]
    this.structuredOutput = row.structured_output === 1
    this.reasoning = {
      requested: row.reasoning_requested === 1,
      kind: row.reasoning_kind as ReasoningShape["kind"],
      effort: row.reasoning_effort,
      budgetTokens: row.reasoning_budget_tokens,
    }
    this.temperatureSet = row.temperature_set === 1
  }

  get service(): RequestShape["service"] {
    this.unknownFeatures.add("service_tier")
    return { tier: "open", place: "open", isFast: false }
  }

  sets(field: string): boolean {
    return this.uses(field)
  }

  uses(feature: string): boolean {
    if (feature === "forced_tool_choice") return this.toolChoice === "forced"
    if (feature === "tool_choice") return this.toolChoice !== "unset"
    if (feature === "tools") return this.toolCount + this.hostedToolCount > 0
    if (feature === "previous_response_id") return this.row.uses_previous_response_id === 1
    if (feature === "function_call_output") return this.row.uses_function_call_output === 1
    if (feature === "stream_options") return this.row.uses_stream_options === 1
    if (feature === "include" && this.row.uses_include !== null) return this.row.uses_include === 1
    this.unknownFeatures.add(feature)
    return false
  }
}

/** `missed` collects what a policy looked at in vain. */
export function factsOf(
  { request_id, token_id }: ReplayedUsage,
  row: ShapeFeatureRow,
  asked: Asked,
  group: Group,
  caller: Caller | null,
  missed: Set<MissedContent>,
): CallFacts {
  return {
    id: request_id,
    dialect: asked.dialect.name,
    group,
    caller,
    tokenId: token_id,
    request: asked.facts,
    estimatedInputTokens: row.estimated_input_tokens,
    body: null,
    shape: asked.shape,
    recorded: {
      hasCounts: row.text_chars !== null,
      conversation: row.conversation_opening ?? row.conversation_key,
      onMissed: (what) => void missed.add(what),
    },
  }
}
