/**
 * Tool arguments between the dialects that carry them as text (Chat, Responses) and the one that carries an object
 * (Messages), and free text of a custom tool inside the JSON of a function that stands for it.
 */

import { isObject, parseExact, type JsonObject, type JsonValue } from "./json.ts"
import { ObjectEnd } from "./object-end.ts"
import type { CustomTool } from "./tool.ts"

/** Holds argument text that is not a JSON object, so that it survives where only objects are allowed. */
export const RAW_ARGUMENTS_KEY = "router_raw_arguments"

/** Argument text of a function; `{}` where it says nothing: "", blanks and `null`, as some servers and clients write it. */
export function functionArguments(text: string): string {
  return isNothing(text) ? "{}" : text
}

function isNothing(text: string): boolean {
  const said = text.trim()
  return said === "" || said === "null"
}

/**
 * The objects that a text holds one behind another: some servers put the arguments of several calls into one. A leading
 * `{}` holds their place only. Text of any other kind is one piece.
 */
export function argumentObjects(text: string): readonly string[] {
  if (!/\}\s*\{/.test(text) || parsed(text) !== undefined) return [text]
  const found: string[] = []
  for (let from = 0; text.slice(from).trim() !== "";) {
    const end = new ObjectEnd().read(text, from)
    const piece = end === -1 ? "" : text.slice(from, end).trim()
    const object = parsed(piece)
    if (!isObject(object)) return [text]
    if (Object.keys(object).length > 0) found.push(piece)
    from = end
  }
  return found.length === 0 ? ["{}"] : found
}

/**
 * Argument text as an object: text that says nothing is `{}`; text that is no JSON object (cut off, a list, a scalar) stands under
 * `RAW_ARGUMENTS_KEY`, and `wrapped` is true (loss `tool-arguments-wrapped`). Numbers keep their spelling.
 */
export function argumentsObject(text: string): { readonly object: JsonObject; readonly wrapped: boolean } {
  if (isNothing(text)) return { object: {}, wrapped: false }
  const value = parsed(text)
  if (isObject(value)) return { object: value, wrapped: false }
  return { object: { [RAW_ARGUMENTS_KEY]: text }, wrapped: true }
}

/** The text of an object that came from the wire; what `argumentsObject` wrapped is unwrapped. Some servers print the object. */
export function argumentsText(object: JsonValue | undefined): string {
  if (typeof object === "string" && isObject(parsed(object))) return object
  if (!isObject(object)) return object === undefined || object === null ? "{}" : JSON.stringify(object)
  const raw = object[RAW_ARGUMENTS_KEY]
  return typeof raw === "string" && Object.keys(object).length === 1 ? raw : JSON.stringify(object)
}

/** Arguments of the function that stands for a custom tool: `{"input": text}`. */
export function wrapInput(text: string): string {
  return JSON.stringify({ input: text })
}

/** The schema of the function that stands for a custom tool. */
export const INPUT_SCHEMA: JsonObject = {
  type: "object",
  properties: { input: { type: "string" } },
  required: ["input"],
  additionalProperties: false,
}

/**
 * What that function is said to be. The tool's own words were written for free text ("do not wrap it in JSON"), so the
 * last ones say where the text goes.
 */
export function wrappedDescription({ description, grammar }: CustomTool): string {
  const rule = grammar && `The input must match this ${grammar.syntax} grammar:\n${grammar.definition}`
  return [description, rule, INPUT_RULE].filter(Boolean).join("\n\n")
}

const INPUT_RULE =
  "Call this tool with one argument, `input`: a string that holds the whole text as it is. Whatever is said above about JSON is meant for the text inside of that string."

/** undefined: no JSON. */
export function parsed(text: string): JsonValue | undefined {
  try {
    return parseExact(text)
  } catch {
    return undefined
  }
}
