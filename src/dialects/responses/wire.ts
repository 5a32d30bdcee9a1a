/** The words of the Responses wire, and small readers that tolerate what is not there. */

import type { RawBlock, Source } from "../../canonical/block.ts"
import { isObject, setOwn, type JsonObject, type JsonValue } from "../../canonical/json.ts"
import type { Role } from "../../canonical/request.ts"
import { listOf, objectOf, stringOf } from "../values.ts"

export { listOf, numberOf, objectOf, sourceOf as sourceOfUrl, stringOf } from "../values.ts"

/** `include` entries that ask for something the canonical form knows. */
export const INCLUDE_ENCRYPTED = "reasoning.encrypted_content"
export const INCLUDE_LOGPROBS = "message.output_text.logprobs"

/** Prefixes of the item ids that this router makes, as the vendor's. */
export const ID_PREFIX = {
  response: "resp_",
  message: "msg_",
  reasoning: "rs_",
  function: "fc_",
  custom: "ctc_",
  search: "tsc_",
  raw: "item_",
} as const

/** Fields of any item that carry no wish and no content. */
export const ITEM_FACTS: readonly string[] = ["id", "type", "status", "created_by", "object"]

/**
 * Stands in the `extra` of a raw block that is a part of a message's content, and not an item of its own; it is never
 * written.
 */
export const PART_MARK = "part"

type Present<T> = { [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & {
  [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>
}

/** The object without its undefined members, as exact optional properties want it. */
export function withoutAbsent<T extends object>(object: T): Present<T> {
  const kept: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(object)) if (value !== undefined) setOwn(kept, key, value)
  return kept as Present<T>
}

export function booleanOf(value: JsonValue | undefined): boolean | undefined {
  return typeof value === "boolean" ? value : undefined
}

export function objectsOf(value: JsonValue | undefined): readonly JsonObject[] {
  return listOf(value).filter(isObject)
}

/** The members of an object that are not known and not null; undefined when there are none. */
export function unknownFields(object: JsonObject, known: readonly string[]): JsonObject | undefined {
  const fields: Record<string, JsonValue> = {}
  for (const [key, value] of Object.entries(object)) {
    if (value !== null && value !== undefined && !known.includes(key)) setOwn(fields, key, value)
  }
  return Object.keys(fields).length === 0 ? undefined : fields
}

/** The opposite of `sourceOfUrl`. Base64 without a media type is given bare, as it came. */
export function urlOf(source: Exclude<Source, { readonly kind: "file" }>): string {
  if (source.kind === "url") return source.url
  return source.mediaType === "" ? source.data : `data:${source.mediaType};base64,${source.data}`
}

interface ItemKind {
  readonly what: RawBlock["what"]
  readonly role: Role
}

const HOSTED_CALL: ItemKind = { what: "hosted-call", role: "assistant" }
const HOSTED_RESULT: ItemKind = { what: "hosted-result", role: "assistant" }
const CLIENT_CALL: ItemKind = { what: "client-call", role: "assistant" }
const CLIENT_RESULT: ItemKind = { what: "client-result", role: "user" }

const ITEM_KINDS: Readonly<Record<string, ItemKind>> = {
  web_search_call: HOSTED_CALL,
  file_search_call: HOSTED_CALL,
  code_interpreter_call: HOSTED_CALL,
  image_generation_call: HOSTED_CALL,
  mcp_call: HOSTED_CALL,
  mcp_list_tools: HOSTED_CALL,
  program: HOSTED_CALL,
  program_output: HOSTED_RESULT,
  mcp_approval_request: CLIENT_CALL,
  mcp_approval_response: CLIENT_RESULT,
  computer_call: CLIENT_CALL,
  computer_call_output: CLIENT_RESULT,
  local_shell_call: CLIENT_CALL,
  local_shell_call_output: CLIENT_RESULT,
  apply_patch_call: CLIENT_CALL,
  apply_patch_call_output: CLIENT_RESULT,
  function_call: CLIENT_CALL,
  custom_tool_call: CLIENT_CALL,
  function_call_output: CLIENT_RESULT,
  custom_tool_call_output: CLIENT_RESULT,
  item_reference: { what: "reference", role: "user" },
  additional_tools: { what: "notice", role: "developer" },
  configuration_update: { what: "notice", role: "developer" },
  compaction: { what: "bound", role: "assistant" },
  compaction_summary: { what: "bound", role: "assistant" },
  context_compaction: { what: "bound", role: "assistant" },
  compaction_trigger: { what: "bound", role: "user" },
}

/** What an item is that is kept raw. Calls and outputs that cannot be paired, for want of a `call_id`, are among them. */
export function itemKind(item: JsonObject): ItemKind {
  const type = stringOf(item["type"]) ?? ""
  if (type === "tool_search_call") return item["execution"] === "client" ? CLIENT_CALL : HOSTED_CALL
  if (type === "tool_search_output") return item["execution"] === "client" ? CLIENT_RESULT : HOSTED_RESULT
  if (type === "shell_call" || type === "shell_call_output") return shellKind(item, type)
  return (Object.hasOwn(ITEM_KINDS, type) ? ITEM_KINDS[type] : undefined) ?? { what: "content", role: "user" }
}

/** A shell in the provider's container is a hosted step. Its output does not say where it ran. */
function shellKind(item: JsonObject, type: string): ItemKind {
  if (type === "shell_call_output") return CLIENT_RESULT
  return objectOf(item["environment"])?.["type"] === "container_reference" ? HOSTED_CALL : CLIENT_CALL
}
