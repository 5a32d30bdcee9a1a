/** Parts of content, as they stand in messages and in tool outputs, as blocks. */

import type { Block, Citation, DocumentBlock, ImageBlock, RawBlock, TextBlock } from "../../canonical/block.ts"
import { isObject, type JsonObject, type JsonValue } from "../../canonical/json.ts"
import type { Extra } from "../../canonical/origin.ts"
import { RouterError } from "../../errors.ts"
import { listOf, objectOf, objectsOf, PART_MARK, present, sourceOfUrl, stringOf, unknownFields } from "./wire.ts"

/** A string, a list of parts, or nothing. `path` names the place in the body for the error. Throws `RouterError`. */
export function readContent(content: JsonValue | undefined, path: string): readonly Block[] {
  if (content === undefined || content === null || content === "") return []
  if (typeof content === "string") return [{ type: "text", text: content }]
  if (!Array.isArray(content)) throw invalid(path, "must be a string or a list of content parts")
  return content.flatMap((part: JsonValue, index) => {
    if (typeof part === "string") return part === "" ? [] : [{ type: "text", text: part }]
    if (!isObject(part)) throw invalid(`${path}[${index}]`, "must be a content part")
    const block = readPart(part)
    return block === null ? [] : [block]
  })
}

/** The parts of an answer's message; some servers give its text alone. */
export function partsOf(content: JsonValue | undefined): readonly JsonObject[] {
  return typeof content === "string" ? [{ type: "output_text", text: content }] : objectsOf(content)
}

export function invalid(param: string, words: string): RouterError {
  return new RouterError("invalid-request", { param, message: `\`${param}\` ${words}.` })
}

/** null: a text that says nothing. */
export function readPart(part: JsonObject): Block | null {
  switch (part["type"]) {
    case "input_text":
    case "output_text":
    case "text":
      return readText(part)
    case "refusal": {
      const text = stringOf(part["refusal"]) ?? ""
      return text === "" ? null : { type: "refusal", text, ...common(part, ["refusal"]) }
    }
    case "input_image":
      return readImage(part) ?? rawPart(part)
    case "input_file":
      return readFile(part) ?? rawPart(part)
    case "input_audio": {
      const audio = objectOf(part["input_audio"])
      const [data, format] = [stringOf(audio?.["data"]), stringOf(audio?.["format"])]
      if (data === undefined || format === undefined) return rawPart(part)
      return { type: "audio", data, format, ...common(part, ["input_audio"]) }
    }
    default:
      return rawPart(part)
  }
}

function rawPart(raw: JsonObject): RawBlock {
  const extra: Extra = { dialect: "responses", fields: { [PART_MARK]: true } }
  return { type: "raw", dialect: "responses", what: "content", raw, text: null, extra }
}

/** `parsed` is what the vendor's SDK adds to an answer for its own user. */
const TEXT_FIELDS = ["text", "annotations", "logprobs", "parsed"]

function readText(part: JsonObject): TextBlock | null {
  const text = stringOf(part["text"]) ?? ""
  if (text === "") return null
  const citations = objectsOf(part["annotations"]).map(readCitation)
  const logprobs = listOf(part["logprobs"])
  return {
    type: "text",
    text,
    ...(citations.length === 0 ? {} : { citations }),
    ...(logprobs.length === 0 ? {} : { logprobs }),
    ...common(part, TEXT_FIELDS),
  }
}

function readImage(part: JsonObject): ImageBlock | null {
  const image = part["image_url"]
  const url = stringOf(image) ?? stringOf(objectOf(image)?.["url"])
  const id = stringOf(part["file_id"])
  const detail = stringOf(part["detail"])
  const rest = {
    ...(detail === undefined || detail === "auto" ? {} : { detail }),
    ...common(part, ["image_url", "file_id", "detail"]),
  }
  if (url !== undefined && url !== "") return { type: "image", source: sourceOfUrl(url), ...rest }
  return id === undefined ? null : { type: "image", source: { kind: "file", dialect: "responses", id }, ...rest }
}

function readFile(part: JsonObject): DocumentBlock | null {
  const source = fileSource(part)
  if (source === null) return null
  const title = stringOf(part["filename"])
  const known = ["file_data", "file_id", "file_url", "filename"]
  return { type: "document", source, ...(title === undefined ? {} : { title }), ...common(part, known) }
}

function fileSource(part: JsonObject): DocumentBlock["source"] | null {
  const data = stringOf(part["file_data"])
  if (data !== undefined && data !== "") {
    const source = sourceOfUrl(data)
    return source.kind === "url" && !data.startsWith("data:") ? { kind: "base64", mediaType: "", data } : source
  }
  const url = stringOf(part["file_url"])
  if (url !== undefined) return { kind: "url", url }
  const id = stringOf(part["file_id"])
  return id === undefined ? null : { kind: "file", dialect: "responses", id }
}

/** The cache mark of a part, and its fields that nobody else knows. */
function common(part: JsonObject, known: readonly string[]): Pick<TextBlock, "cache" | "extra"> {
  const mark = objectOf(part["prompt_cache_breakpoint"])
  const fields = unknownFields(part, ["type", "prompt_cache_breakpoint", ...known])
  return present({
    cache: mark === undefined ? undefined : { ttl: stringOf(mark["ttl"]) ?? null },
    extra: fields === undefined ? undefined : { dialect: "responses" as const, fields },
  })
}

export function readCitation(annotation: JsonObject): Citation {
  const url = stringOf(annotation["url"])
  if (annotation["type"] !== "url_citation" || url === undefined) {
    return { kind: "raw", dialect: "responses", raw: annotation }
  }
  const [start, end] = [annotation["start_index"], annotation["end_index"]]
  const fields = unknownFields(annotation, ["type", "url", "title", "start_index", "end_index"])
  return {
    kind: "url",
    url,
    title: stringOf(annotation["title"]) ?? null,
    start: typeof start === "number" ? start : null,
    end: typeof end === "number" ? end : null,
    citedText: null,
    ...(fields === undefined ? {} : { extra: { dialect: "responses", fields } }),
  }
}
