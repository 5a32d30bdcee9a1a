/** What the demo provider understands of a request and says in a reply, whatever the dialect. */

export type DemoRole = "system" | "user" | "assistant" | "tool"

export interface DemoMessage {
  readonly role: DemoRole
  readonly text: string
  readonly images: number
}

export interface DemoTool {
  readonly name: string
  /** A `function` tool takes a JSON object that fits `schema`; a `custom` tool takes free text. */
  readonly kind: "function" | "custom"
  readonly schema: unknown
}

export type DemoToolChoice =
  | { readonly is: "auto" }
  | { readonly is: "none" }
  | { readonly is: "any" }
  | { readonly is: "named"; readonly name: string }

/** `schema` is null where any JSON object will do. */
export type DemoFormat = { readonly is: "text" } | { readonly is: "json"; readonly schema: unknown }

export interface DemoRequest {
  readonly dialect: string
  readonly model: string
  readonly stream: boolean
  readonly messages: readonly DemoMessage[]
  readonly tools: readonly DemoTool[]
  readonly toolChoice: DemoToolChoice
  readonly parallelToolCalls: boolean
  readonly format: DemoFormat
  readonly maxOutputTokens: number | null
  readonly stopSequences: readonly string[]
  readonly reasoning: boolean
  /** `automatic`: known prefixes are cheap (OpenAI); `marked`: only up to a cache mark (Anthropic); `off`: no mark stands there. */
  readonly promptCache: "automatic" | "marked" | "off"
}

export type DemoBlock =
  | { readonly is: "text"; readonly text: string }
  | { readonly is: "tool-call"; readonly name: string; readonly kind: "function" | "custom"; readonly input: string }

export type DemoStop = "end" | "length" | "tool-call" | "stop-sequence"

/** Disjoint but for `reasoning`, which is part of `output`. */
export interface DemoUsage {
  readonly freshInput: number
  readonly cacheRead: number
  readonly cacheWrite: number
  readonly output: number
  readonly reasoning: number
}

export interface DemoReply {
  readonly reasoning: string | null
  readonly blocks: readonly DemoBlock[]
  readonly stop: DemoStop
  readonly stopSequence: string | null
  readonly usage: DemoUsage
}

/** What a writer needs beside the reply: ids are unique within a process, times are Unix seconds. */
export interface DemoContext {
  readonly newId: (prefix: string) => string
  readonly createdS: number
}
