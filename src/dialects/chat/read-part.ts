/** Parts of a message's content, in requests and in replies. */

import type { Block, DocumentBlock, ImageBlock } from "../../canonical/block.ts"
import type { JsonObject, JsonValue } from "../../canonical/json.ts"
import {
  breakpointOf,
  cacheOf,
  extraOf,
  invalid,
  isAbsent,
  isList,
  listOf,
  objectOf,
  restOf,
  sourceOf,
  stringOf,
  wordsOf,
} from "./wire.ts"

/** A request's content as blocks; `param` names it in errors. Empty text is no block. */
export function readContent(content: JsonValue | undefined, param: string): readonly Block[] {
  if (isAbsent(content) || content === "") return []
  if (typeof content === "string") return [{ type: "text", text: content }]
  if (!isList(content)) throw invalid(param, "a string or a list of parts")
  return content.flatMap((part, index) => {
    if (typeof part !== "string" && objectOf(part) === undefined) throw invalid(`${param}[${index}]`, "an object")
    return readPart(part)
  })
}

/** One part; nothing for empty text and for what is no part at all. */
export function readPart(value: JsonValue): readonly Block[] {
  if (typeof value === "string") return value === "" ? [] : [{ type: "text", text: value }]
  const part = objectOf(value)
  if (part === undefined) return []
  const block = blockOf(part)
  if (block === null) return []
  return [block]
}

function blockOf(part: JsonObject): Block | null {
  switch (part["type"] ?? "text") {
    case "text":
      return textOf(part)
    case "refusal":
      return wordsOf(part["refusal"]) === undefined ? null : { type: "refusal", text: stringOf(part["refusal"]) ?? "" }
    case "image_url":
      return imageOf(part) ?? rawPart(part)
    case "input_audio":
      return audioOf(part) ?? rawPart(part)
    case "file":
      return fileOf(part) ?? rawPart(part)
    case "document_url":
      return documentUrlOf(part) ?? rawPart(part)
    case "thinking":
      return thinkingOf(part)
    default:
      return rawPart(part)
  }
}

const TEXT_KEYS: ReadonlySet<string> = new Set(["type", "text"])
const IMAGE_KEYS: ReadonlySet<string> = new Set(["type", "image_url"])
const AUDIO_KEYS: ReadonlySet<string> = new Set(["type", "input_audio"])
const FILE_KEYS: ReadonlySet<string> = new Set(["type", "file"])
const DOCUMENT_KEYS: ReadonlySet<string> = new Set(["type", "document_url", "document_name"])

/** The mark and the unknown fields of a part; a mark of an unknown form is an unknown field. */
function common(part: JsonObject, known: ReadonlySet<string>): Pick<Block, "cache" | "extra"> {
  const control = cacheOf(part["cache_control"])
  const cache = control ?? breakpointOf(part["prompt_cache_breakpoint"])
  const rest = restOf(part, known)
  if (cache === undefined) return extraOf(rest)
  const used = control === undefined ? "prompt_cache_breakpoint" : "cache_control"
  return { cache, ...extraOf(rest === undefined ? undefined : restOf(rest, new Set([used]))) }
}

function textOf(part: JsonObject): Block | null {
  if (typeof part["text"] !== "string") return isAbsent(part["text"]) ? null : rawPart(part)
  return part["text"] === "" ? null : { type: "text", text: part["text"], ...common(part, TEXT_KEYS) }
}

const AUTO_DETAIL = "auto"

function imageOf(part: JsonObject): ImageBlock | null {
  const image = objectOf(part["image_url"])
  const url = wordsOf(image?.["url"]) ?? wordsOf(part["image_url"])
  if (url === undefined) return null
  const detail = wordsOf(image?.["detail"])
  return {
    type: "image",
    source: sourceOf(url),
    ...(detail === undefined || detail === AUTO_DETAIL ? {} : { detail }),
    ...common(part, IMAGE_KEYS),
  }
}

function audioOf(part: JsonObject): Block | null {
  const audio = objectOf(part["input_audio"])
  const data = stringOf(audio?.["data"])
  if (data === undefined) return null
  return { type: "audio", format: stringOf(audio?.["format"]) ?? "", data, ...common(part, AUDIO_KEYS) }
}

const URL_START = /^https?:\/\//i

/** OpenAI takes data URLs and ids; some servers bare base64, some (OpenRouter) a URL in the place of the data. */
function fileOf(part: JsonObject): DocumentBlock | null {
  const file = objectOf(part["file"])
  const data = wordsOf(file?.["file_data"])
  const id = wordsOf(file?.["file_id"])
  const title = wordsOf(file?.["filename"])
  const rest = { ...(title === undefined ? {} : { title }), ...common(part, FILE_KEYS) }
  if (data === undefined) {
    return id === undefined ? null : { type: "document", source: { kind: "file", dialect: "chat", id }, ...rest }
  }
  const isBare = !data.startsWith("data:") && !URL_START.test(data)
  return {
    type: "document",
    source: isBare ? { kind: "base64", mediaType: "", data } : sourceOf(data),
    ...rest,
  }
}

/** Mistral's. */
function documentUrlOf(part: JsonObject): DocumentBlock | null {
  const url = wordsOf(part["document_url"]) ?? wordsOf(objectOf(part["document_url"])?.["url"])
  if (url === undefined) return null
  const title = wordsOf(part["document_name"])
  return {
    type: "document",
    source: sourceOf(url),
    ...(title === undefined ? {} : { title }),
    ...common(part, DOCUMENT_KEYS),
  }
}

/** Mistral's: the thinking is itself a list of text parts. */
export function thinkingText(part: JsonObject): string {
  const { thinking } = part
  if (typeof thinking === "string") return thinking
  return listOf(thinking)
    .map((piece) => stringOf(piece) ?? stringOf(objectOf(piece)?.["text"]) ?? "")
    .join("")
}

function thinkingOf(part: JsonObject): Block | null {
  const text = thinkingText(part)
  return text === "" ? null : { type: "reasoning", parts: [{ kind: "raw", text }], seal: null }
}

function rawPart(part: JsonObject): Block {
  return { type: "raw", dialect: "chat", what: "content", raw: part, text: wordsOf(part["text"]) ?? null }
}
