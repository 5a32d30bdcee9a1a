/**
 * The shape of a request, each part of it read when it is first asked for: the flags by native searches and from the small
 * members, texts and their number (which need the whole conversation) only for strategies that look at them.
 */
import { hasTyped, token } from "../json/search.ts"
import type { ScannedObject } from "../json/scan.ts"
import { BodyMembers } from "./body-members.ts"
import { encodedBytes } from "./encoded-bytes.ts"
import { asObject, asString } from "./loose.ts"
import type { CallShape, ReasoningShape } from "./shape.ts"

export interface RequestShape extends CallShape {
  /**
   * Whether the request makes use of something: a top-level field that is set, `forced_tool_choice`, or the type of a
   * tool, or of an item, block or part of the conversation (`function_call_output`, `image_url`).
   */
  uses(feature: string): boolean
  /** The history holds reasoning that only its issuer can read. */
  readonly hasSeals: boolean
  /** Bytes of files in base64, which say little about tokens. */
  readonly encodedBytes: number
}

export interface ToolCounts {
  readonly client: number
  readonly hosted: number
}

export interface TextCounts {
  readonly messages: number
  readonly chars: number
}

/** What each dialect knows. All of it tolerates what is not as documented: that is for the upstream to say. */
export interface ShapeRules {
  /** The member that holds the conversation. */
  readonly conversation: string
  countImages(conversation: Buffer, members: BodyMembers): number
  countTools(members: BodyMembers): ToolCounts
  hasToolHistory(conversation: Buffer): boolean
  hasSeals(conversation: Buffer): boolean
  toolChoice(members: BodyMembers): CallShape["toolChoice"]
  structuredOutput(members: BodyMembers): boolean
  reasoning(members: BodyMembers): ReasoningShape
  countText(members: BodyMembers): TextCounts
}

export class ShapeReader implements RequestShape {
  readonly #members: BodyMembers
  readonly #rules: ShapeRules
  #conversation: Buffer | null = null
  #text: TextCounts | null = null
  #tools: ToolCounts | null = null
  #images: number | null = null
  #toolHistory: boolean | null = null
  #seals: boolean | null = null
  #toolChoice: CallShape["toolChoice"] | null = null
  #structuredOutput: boolean | null = null
  #reasoning: ReasoningShape | null = null
  #encodedBytes: number | null = null

  constructor(body: ScannedObject, rules: ShapeRules) {
    this.#members = new BodyMembers(body)
    this.#rules = rules
  }

  get messageCount(): number {
    return this.#texts.messages
  }

  get textChars(): number {
    return this.#texts.chars
  }

  get imageCount(): number {
    return (this.#images ??= this.#rules.countImages(this.#talk, this.#members))
  }

  get toolCount(): number {
    return this.#counts.client
  }

  get hostedToolCount(): number {
    return this.#counts.hosted
  }

  get toolSchemaBytes(): number {
    return this.#members.bytes("tools").length
  }

  get hasToolHistory(): boolean {
    return (this.#toolHistory ??= this.#rules.hasToolHistory(this.#talk))
  }

  get hasSeals(): boolean {
    return (this.#seals ??= this.#rules.hasSeals(this.#talk))
  }

  get toolChoice(): CallShape["toolChoice"] {
    return (this.#toolChoice ??= this.#rules.toolChoice(this.#members))
  }

  get structuredOutput(): boolean {
    return (this.#structuredOutput ??= this.#rules.structuredOutput(this.#members))
  }

  get reasoning(): ReasoningShape {
    return (this.#reasoning ??= this.#rules.reasoning(this.#members))
  }

  get temperatureSet(): boolean {
    return this.#members.isSet("temperature")
  }

  get encodedBytes(): number {
    return (this.#encodedBytes ??= encodedBytes(this.#talk))
  }

  uses(feature: string): boolean {
    if (feature === "forced_tool_choice") return this.toolChoice === "forced"
    if (feature === "tool_choice") return this.toolChoice !== "unset"
    if (this.#members.isSet(feature)) return true
    const wanted = token(feature)
    return hasTyped(this.#talk, wanted) || hasTyped(this.#members.bytes("tools"), wanted)
  }

  get #talk(): Buffer {
    return (this.#conversation ??= this.#members.bytes(this.#rules.conversation))
  }

  get #counts(): ToolCounts {
    return (this.#tools ??= this.#rules.countTools(this.#members))
  }

  get #texts(): TextCounts {
    return (this.#text ??= this.#rules.countText(this.#members))
  }
}

const NO_REASONING: ReasoningShape = { requested: false, kind: "none", effort: null, budgetTokens: null }
const REASONING_OFF: ReasoningShape = { ...NO_REASONING, kind: "off" }

/** What a request says about reasoning, in its vendor's words; null: nothing. */
export interface ReasoningWords {
  readonly control: string | null
  readonly effort: string | null
  readonly budgetTokens: number | null
}

/** `none` and `disabled` ask for none, whatever stands beside them. */
export function reasoningShape({ control, effort, budgetTokens }: ReasoningWords): ReasoningShape {
  if (control === "disabled" || effort === "none") return REASONING_OFF
  const said = { requested: true, effort, budgetTokens }
  if (control === "adaptive") return { ...said, kind: "adaptive" }
  if (budgetTokens !== null) return { ...said, kind: "budget" }
  if (effort !== null) return { ...said, kind: "effort" }
  return control === "enabled" ? { ...said, kind: "adaptive" } : NO_REASONING
}

/** The choice among tools, from its word, or from the word inside of an object. Whatever is neither known is a forced choice. */
export function toolChoiceShape(choice: unknown, wordIn: (choice: object) => string | null): CallShape["toolChoice"] {
  if (choice === undefined) return "unset"
  if (choice === null) return "null"
  const object = asObject(choice)
  const word = object === null ? asString(choice) : wordIn(object)
  return word === "auto" || word === "none" ? word : "forced"
}

/** A schema or JSON is asked for: anything but plain text. */
export function isStructured(format: unknown): boolean {
  const type = asObject(format)?.["type"]
  return type !== undefined && type !== null && type !== "text"
}
