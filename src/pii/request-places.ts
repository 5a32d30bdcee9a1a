/** Where texts stand in the requests and answers of each dialect. */
import type { DialectName } from "../dialects/name.ts"
import type { ScannedObject } from "../json/scan.ts"
import { searchable } from "../json/search.ts"
import { eachMember, endOf } from "../json/walk.ts"
import { OPEN_BRACE } from "../json/bytes.ts"
import type { PiiPart } from "./filter.ts"
import { Places, type Visit } from "./places.ts"

interface Members {
  /** Parts of the conversation. */
  readonly content: Readonly<Record<string, PiiPart>>
  /** That no model reads: names, settings, schemas, and what providers tell their users apart by. */
  readonly left: ReadonlySet<string>
  /** What a member that nobody has heard of counts as. */
  readonly others: PiiPart
}

const SETTINGS = [
  "model",
  "metadata",
  "user",
  "service_tier",
  "tool_choice",
  "stream_options",
  "store",
  "prompt_cache_key",
  "prompt_cache_retention",
  "safety_identifier",
  "response_format",
  "betas",
]

const MEMBERS: Readonly<Record<DialectName, Members>> = {
  "openai-chat": {
    content: { messages: "messages", prediction: "messages" },
    left: new Set([
      ...SETTINGS,
      "function_call",
      "reasoning_effort",
      "verbosity",
      "modalities",
      "audio",
      "stop",
      "logit_bias",
      "guided_json",
      "guided_regex",
      "guided_choice",
      "guided_grammar",
      "structured_outputs",
    ]),
    others: "messages",
  },
  "openai-responses": {
    content: { input: "responses_input", instructions: "system", context_management: "responses_input" },
    left: new Set([...SETTINGS, "previous_response_id", "conversation", "include", "text", "reasoning", "truncation"]),
    others: "responses_input",
  },
  anthropic: {
    content: { messages: "messages", system: "system", context_management: "messages" },
    left: new Set([
      ...SETTINGS,
      "thinking",
      "output_config",
      "output_format",
      "container",
      "stop_sequences",
      "mcp_servers",
      "inference_geo",
      "speed",
      "thread",
    ]),
    others: "messages",
  },
}

/** Visits the texts of a request, in order. */
export function requestPlaces({ bytes, members }: ScannedObject, dialect: DialectName, visit: Visit): void {
  const json = searchable(bytes)
  const places = new Places(json, visit)
  const { content, left, others } = MEMBERS[dialect]
  for (const { key, start } of members) {
    const part = content[key]
    if (part !== undefined) places.content(start, part)
    else if (key === "tools" || key === "functions") places.tools(start, "system")
    else if (key === "prompt") promptPlaces(json, start, others, places)
    else if (!left.has(key)) places.values(start, others)
  }
}

/** A stored prompt is named by its id; what it is filled with is a part of the conversation. */
function promptPlaces(json: Buffer, at: number, part: PiiPart, places: Places): void {
  if (json[at] !== OPEN_BRACE) places.content(at, part)
  else
    eachMember(json, at, (key, value) => {
      if (key !== "variables" || json[value] !== OPEN_BRACE) return endOf(json, value)
      return eachMember(json, value, (_name, variable) => places.content(variable, part))
    })
}

/** The member of a whole answer that holds what the model said. */
const ANSWERS: Readonly<Record<DialectName, string>> = {
  "openai-chat": "choices",
  "openai-responses": "output",
  anthropic: "content",
}

/** Visits the texts of a whole answer, a JSON object that begins at `start`, in order. */
export function answerPlaces(json: Buffer, start: number, dialect: DialectName, visit: Visit): void {
  const places = new Places(json, visit)
  eachMember(json, start, (key, value) =>
    key === ANSWERS[dialect] ? places.content(value, "messages") : endOf(json, value),
  )
}
