/** Content blocks. A message and a reply are ordered lists of them; the order is part of the meaning. */

import type { JsonObject, JsonValue } from "./json.ts"
import type { Dialect, Extra, Issuer } from "./origin.ts"

/** A prompt-cache mark behind the block or tool that carries it. `null`: the vendor's default time to live. */
export interface CacheMark {
  readonly ttl: string | null
}

interface Common {
  readonly cache?: CacheMark
  readonly extra?: Extra
}

/** Never empty: readers leave empty text out, writers put `""` or `null` where their wire demands content. */
export interface TextBlock extends Common {
  readonly type: "text"
  readonly text: string
  readonly citations?: readonly Citation[]
  /** Entries `{token, logprob, bytes, top_logprobs}`, which Chat and Responses share; Messages has none. */
  readonly logprobs?: readonly JsonValue[]
}

/** The model declined in words. Never empty; a refusal without words is only a stop reason. */
export interface RefusalBlock extends Common {
  readonly type: "refusal"
  readonly text: string
}

export interface ReasoningPart {
  /** `summary`: written for the reader (Responses `summary[]`). `raw`: the thinking itself, Messages `thinking` too. */
  readonly kind: "summary" | "raw"
  /** Never empty. */
  readonly text: string
}

/**
 * One reasoning item. `parts` may be empty (redacted, or display omitted) as long as there is a seal.
 * Blocks of one item must stay next to what followed them: vendors check the order.
 */
export interface ReasoningBlock extends Common {
  readonly type: "reasoning"
  readonly parts: readonly ReasoningPart[]
  readonly seal: Seal | null
}

/**
 * What only its issuer may have back. The payload is never looked into by anyone but the issuer's codec:
 * `signature`  Messages: the `signature` of a `thinking` block
 * `redacted`   Messages: the `data` of a `redacted_thinking` block
 * `encrypted`  Responses: JSON text `{"id":…,"encrypted_content":…}` of the reasoning item, absent keys left out
 * `details`    Chat: JSON text of the vendor's whole `reasoning_details` array
 * `field`      Chat: nothing was sealed, but the text stood in a field of this name, `reasoning_content` or `reasoning`
 * `none`       nothing was sealed; the seal only says who reasoned. The payload is ""
 */
export interface Seal {
  readonly issuer: Issuer
  readonly form: SealForm
  readonly payload: string
}

export type SealForm = "signature" | "redacted" | "encrypted" | "details" | "field" | "none"

/** A call that the client executes. */
export interface ToolCallBlock extends Common {
  readonly type: "tool-call"
  /**
   * Opaque. In a reply as its issuer made it (`decodeId` applied), in a request as the client wrote it. Responses:
   * `call_id`, never the item's `id`.
   */
  readonly id: string
  /** The client's own name of the tool, without its namespace. */
  readonly name: string
  readonly namespace: string | null
  readonly kind: ToolKind
  /**
   * `function`: JSON text exactly as received, `"{}"` where nothing, blanks or `null` was received (`functionArguments`).
   * It may be invalid or cut off.
   * `custom`: the free text itself, not wrapped in JSON; it may be "".
   */
  readonly arguments: string
}

export type ToolKind = "function" | "custom"

export interface ToolResultBlock extends Common {
  readonly type: "tool-result"
  readonly callId: string
  /** As the call's kind, where the wire tells (Responses does); otherwise `function`. */
  readonly kind: ToolKind
  readonly isError: boolean
  /** A string on the wire is one text block, "" or nothing is `[]`. Text, image, document and raw blocks only. */
  readonly content: readonly Block[]
}

/** Where bytes stand. Data URLs in base64 are `base64`; a data URL of any other kind stays a `url`. */
export type Source =
  | { readonly kind: "url"; readonly url: string }
  /** `mediaType` is everything between `data:` and `;base64,`, "" where the wire gave bare base64 without a type. */
  | { readonly kind: "base64"; readonly mediaType: string; readonly data: string }
  /** An upload that lives at one provider: portable to nobody else. */
  | { readonly kind: "file"; readonly dialect: Dialect; readonly id: string }

export interface ImageBlock extends Common {
  readonly type: "image"
  readonly source: Source
  /** Chat and Responses only. `auto` is the default: readers leave it out. */
  readonly detail?: string
}

export interface DocumentBlock extends Common {
  readonly type: "document"
  readonly source:
    | Source
    | { readonly kind: "text"; readonly text: string; readonly mediaType: string }
    | { readonly kind: "blocks"; readonly blocks: readonly Block[] }
  /** Chat and Responses `filename`, Messages `title`. */
  readonly title?: string
  /** Messages `context`. */
  readonly context?: string
}

export interface AudioBlock extends Common {
  readonly type: "audio"
  readonly format: string
  /** Base64. */
  readonly data: string
}

/**
 * What only one dialect can say, kept as it came:
 * `hosted-call`, `hosted-result`  a step that the provider executed; a Responses item that holds both is a `hosted-call`
 * `client-call`, `client-result`  a vendor-defined tool that the client executes (shell, computer, tool_search of the client)
 * `reference`  points at stored state (`item_reference`, `container_upload`)
 * `bound`      only a target of its own dialect can go on with it: a sealed summary, a wish to compact
 * `notice`     steers or describes the conversation (compaction, fallback, tool_addition, additional_tools)
 * `content`    anything else, unknown types included
 */
export interface RawBlock extends Common {
  readonly type: "raw"
  readonly dialect: Dialect
  readonly what:
    | "hosted-call"
    | "hosted-result"
    | "client-call"
    | "client-result"
    | "reference"
    | "bound"
    | "notice"
    | "content"
  readonly raw: JsonObject
  /** Text that stands for it in other dialects (with its loss declared all the same); null: nothing can. */
  readonly text: string | null
  /** The block that says the same in other dialects, without a loss. */
  readonly as?: TextBlock | ToolCallBlock | ToolResultBlock
}

export type Block =
  | TextBlock
  | RefusalBlock
  | ReasoningBlock
  | ToolCallBlock
  | ToolResultBlock
  | ImageBlock
  | DocumentBlock
  | AudioBlock
  | RawBlock

/**
 * `url`: a web source. `start` and `end` are offsets in the text of this block, in the units that the upstream used;
 * both null: the whole block (Messages). A Chat writer that joins blocks adds the length of what stands before.
 * `raw`: file and container citations, page and character locations: only their own dialect has them.
 */
export type Citation =
  | {
      readonly kind: "url"
      readonly url: string
      readonly title: string | null
      readonly start: number | null
      readonly end: number | null
      readonly citedText: string | null
      /** E.g. Messages `encrypted_index`. */
      readonly extra?: Extra
    }
  | { readonly kind: "raw"; readonly dialect: Dialect; readonly raw: JsonObject }
