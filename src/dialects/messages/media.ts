/** Images and documents: https://platform.claude.com/docs/en/build-with-claude/vision and …/pdf-support */

import type { Block, DocumentBlock, ImageBlock, Source } from "../../canonical/block.ts"
import { isObject, type JsonObject } from "../../canonical/json.ts"
import type { Losses } from "../../canonical/loss.ts"
import type { TargetFacts } from "../../canonical/target.ts"
import { cacheOf, DIALECT, extraOf, isList, ownFields, textField } from "./wire.ts"

const IMAGE_KEYS: ReadonlySet<string> = new Set(["type", "source", "cache_control"])
const DOCUMENT_KEYS: ReadonlySet<string> = new Set(["type", "source", "title", "context", "cache_control"])
const DATA_URL = /^data:([^,]*);base64,/i

/** null: a source of tomorrow. */
export function readImage(value: JsonObject): ImageBlock | null {
  const source = isObject(value["source"]) ? sourceOf(value["source"]) : null
  return source === null ? null : { type: "image", source, ...cacheOf(value), ...extraOf(value, IMAGE_KEYS) }
}

/** `readBlocks` reads what stands inside of a document of blocks. */
export function readDocument(
  value: JsonObject,
  readBlocks: (content: readonly JsonObject[]) => readonly Block[],
): DocumentBlock | null {
  const wire = isObject(value["source"]) ? value["source"] : {}
  const source = documentSourceOf(wire, readBlocks)
  if (source === null) return null
  const title = textField(value, "title")
  const context = textField(value, "context")
  const wished = isObject(value["citations"]) && value["citations"]["enabled"] === true
  const { citations: _citations, ...rest } = value
  return {
    type: "document",
    source,
    ...(title === null ? {} : { title }),
    ...(context === null ? {} : { context }),
    ...cacheOf(value),
    ...extraOf(wished ? value : rest, DOCUMENT_KEYS),
  }
}

function sourceOf(wire: JsonObject): Source | null {
  const [data, url, id] = [textField(wire, "data"), textField(wire, "url"), textField(wire, "file_id")]
  if (wire["type"] === "base64" && data !== null) {
    return { kind: "base64", mediaType: textField(wire, "media_type") ?? "", data }
  }
  if (wire["type"] === "file" && id !== null) return { kind: "file", dialect: DIALECT, id }
  if (wire["type"] !== "url" || url === null) return null
  const head = DATA_URL.exec(url)
  return head === null ? { kind: "url", url } : base64Of(head[1] ?? "", url.slice(head[0].length))
}

function base64Of(mediaType: string, data: string): Source {
  return { kind: "base64", mediaType, data }
}

function documentSourceOf(
  wire: JsonObject,
  readBlocks: (content: readonly JsonObject[]) => readonly Block[],
): DocumentBlock["source"] | null {
  const content = wire["content"]
  if (wire["type"] === "text" && typeof wire["data"] === "string") {
    return { kind: "text", text: wire["data"], mediaType: textField(wire, "media_type") ?? "text/plain" }
  }
  if (wire["type"] !== "content") return sourceOf(wire)
  if (typeof content === "string") return { kind: "blocks", blocks: readBlocks([{ type: "text", text: content }]) }
  return isList(content) ? { kind: "blocks", blocks: readBlocks(content.filter(isObject)) } : null
}

/** null, with its loss, where the target cannot take it. Cache marks are the caller's. */
export function writeImage(block: ImageBlock, facts: TargetFacts, losses: Losses, path: string): JsonObject | null {
  const source = imageSource(block.source, facts)
  if (source === null) {
    losses.add("image", path)
    return null
  }
  if (block.detail !== undefined) losses.add("image-detail", path)
  return { type: "image", source, ...ownFields(block.extra) }
}

function imageSource(source: Source, facts: TargetFacts): JsonObject | null {
  if (source.kind === "file") return { type: "file", file_id: source.id }
  if (source.kind === "base64") {
    return { type: "base64", media_type: imageType(source.mediaType, source.data), data: source.data }
  }
  return facts.imageUrls && !isDataUrl(source.url) ? { type: "url", url: source.url } : null
}

function isDataUrl(url: string): boolean {
  return /^data:/i.test(url)
}

/** How the bytes of the types that Anthropic takes begin, in base64. */
const BEGINNINGS: readonly (readonly [start: string, mediaType: string])[] = [
  ["iVBOR", "image/png"],
  ["/9j/", "image/jpeg"],
  ["R0lGOD", "image/gif"],
  ["UklGR", "image/webp"],
]

function imageType(mediaType: string, data: string): string {
  const type = mediaType.split(";")[0]?.trim().toLowerCase() ?? ""
  if (type === "image/jpg") return "image/jpeg"
  if (type.startsWith("image/")) return type
  return BEGINNINGS.find(([start]) => data.startsWith(start))?.[1] ?? "image/png"
}

/** As `writeImage`; `writeBlocks` writes what stands inside. Base64 that is no PDF goes as text where it is text. */
export function writeDocument(
  block: DocumentBlock,
  losses: Losses,
  path: string,
  writeBlocks: (blocks: readonly Block[]) => readonly JsonObject[],
): JsonObject | null {
  const source = documentSource(block, writeBlocks)
  if (source === null) {
    losses.add("document", path)
    return null
  }
  return {
    type: "document",
    source,
    ...(block.title === undefined ? {} : { title: block.title }),
    ...(block.context === undefined ? {} : { context: block.context }),
    ...ownFields(block.extra),
  }
}

const PDF = "application/pdf"
const PDF_BEGINNING = "JVBERi0"

function documentSource(
  block: DocumentBlock,
  writeBlocks: (blocks: readonly Block[]) => readonly JsonObject[],
): JsonObject | null {
  const { source } = block
  if (source.kind === "file") return { type: "file", file_id: source.id }
  if (source.kind === "text") return { type: "text", media_type: "text/plain", data: source.text }
  if (source.kind === "blocks") return { type: "content", content: writeBlocks(source.blocks) }
  if (source.kind === "url") return isDataUrl(source.url) ? null : { type: "url", url: source.url }
  const isUntyped = source.mediaType === "" || source.mediaType === "application/octet-stream"
  if (source.mediaType.startsWith(PDF) || (isUntyped && source.data.startsWith(PDF_BEGINNING))) {
    return { type: "base64", media_type: PDF, data: source.data }
  }
  const text = isUntyped || TEXT_TYPES.test(source.mediaType) ? decoded(source.data) : null
  return text === null ? null : { type: "text", media_type: "text/plain", data: text }
}

const TEXT_TYPES = /^text\/|^application\/(?:json|xml|yaml|x-yaml|toml|javascript|x-sh)\b|\+(?:json|xml)\b/i

/** Text of base64 in UTF-8; null when it is anything else, or empty. */
function decoded(data: string): string | null {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(Uint8Array.fromBase64(data))
    return text === "" || text.includes("\0") ? null : text
  } catch {
    return null
  }
}
