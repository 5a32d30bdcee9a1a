/** Tools as a request declares and chooses them. */

import type { CacheMark, ToolKind } from "./block.ts"
import type { JsonObject } from "./json.ts"
import type { Dialect, Extra } from "./origin.ts"

/** A tool's name in the client's own words. Names are unique only together with their namespace. */
export interface ToolRef {
  readonly name: string
  readonly namespace: string | null
}

interface Declared extends ToolRef {
  readonly description?: string
  readonly cache?: CacheMark
  /** `defer_loading`: hidden until searched for. A target that cannot defer gets it as an ordinary tool, with a loss. */
  readonly deferred?: true
  /**
   * Declared inside the conversation (Responses `additional_tools`, `tool_search_output.tools`), where a raw block keeps
   * its place. The declaring dialect writes that block and not the tool; every other dialect writes the tool.
   */
  readonly inline?: true
  readonly extra?: Extra
}

/** A tool with a JSON schema that the client executes. */
export interface FunctionTool extends Declared {
  readonly type: "function"
  /** As received. Absent: none was given, and a writer that must have one writes `{"type":"object","properties":{}}`. */
  readonly schema?: JsonObject
  /** Absent: not said. Responses means true by that, Chat and Messages false; a writer to the other kind says which. */
  readonly strict?: boolean
}

/** A tool that takes free text (Responses and Chat `custom`). */
export interface CustomTool extends Declared {
  readonly type: "custom"
  /** Absent: plain text. */
  readonly grammar?: { readonly syntax: string; readonly definition: string }
}

/** Everything else, as it came: kept for its own dialect, dropped with a loss elsewhere. */
export interface RawTool {
  readonly type: "raw"
  readonly dialect: Dialect
  /** The vendor's `type`, e.g. `web_search_20250305`. */
  readonly vendorType: string
  /** `provider`: hosted. `client`: defined by the vendor without a schema, run by the client (`bash_…`, `local_shell`). */
  readonly runs: "provider" | "client"
  readonly name: string | null
  readonly raw: JsonObject
  /** The function that is declared in other dialects instead. Its calls come back as calls of that name. */
  readonly as?: FunctionTool
  /** As of other tools: the declaring dialect writes the item that holds it. */
  readonly inline?: true
}

export type Tool = FunctionTool | CustomTool | RawTool

/** A container of tools (Responses `namespace`). Its members stand in `tools`, in order, and name it. */
export interface Namespace {
  readonly name: string
  readonly description?: string
}

interface RawChoice {
  readonly dialect: Dialect
  readonly choice: JsonObject
}

/** Absent in the request: not said. `required`: any tool (Messages `any`). */
export type ToolChoice =
  | { readonly mode: "auto" | "none" | "required" }
  | { readonly mode: "tool"; readonly tool: ToolRef; readonly kind: ToolKind }
  /**
   * Only these of the declared tools; `need` as `auto` or `required`. A writer without it writes only these tools. `raw`:
   * the choice as it came, where it also allows tools that only its own dialect has.
   */
  | {
      readonly mode: "allowed"
      readonly need: "auto" | "required"
      readonly tools: readonly ToolRef[]
      readonly raw?: RawChoice
    }
  | { readonly mode: "raw"; readonly dialect: Dialect; readonly raw: JsonObject }

/** The schema that a writer gives to a function without one. */
export const EMPTY_SCHEMA: JsonObject = { type: "object", properties: {} }
