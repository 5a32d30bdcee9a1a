/**
 * The shape of a request, each part of it read when it is first asked for: the flags from the notes of the scan and from the small
 * members, texts and their number (which need the whole conversation) only for strategies that look at them.
 */
import { QUOTE } from "../json/bytes.ts"
import { hasTyped, token } from "../json/search.ts"
import { countWithin } from "../json/sorted.ts"
import { TYPE } from "../json/watched-names.ts"
import type { ScannedObject } from "../json/scan.ts"
import { BodyMembers } from "./body-members.ts"
import { addressesBeside, filesIn, NO_FILES, type FileCounts, type FileRules, type Span } from "./files.ts"
import { asObject, asString } from "./loose.ts"
import type { CallShape, ReasoningShape } from "./shape.ts"
import type { ToolCounts } from "./tool-counts.ts"

export interface RequestShape extends CallShape {
  /**
   * Whether the request makes use of something: a top-level field that is set, `forced_tool_choice`, or the type of a
   * tool, or of an item, block or part of the conversation (`function_call_output`, `image_url`).
   */
  uses(feature: string): boolean
  /** A top-level field is there and not null: cheap, whatever the size of the body. */
  sets(field: string): boolean
  /** Whom the client serves, in its own words (`safety_identifier`, `user`, `metadata.user_id`); null: it does not say. */
  readonly endUser: string | null
  /** The history holds reasoning that only its issuer can read. */
  readonly hasSeals: boolean
  /** Bytes of files in base64, which say little about tokens. */
  readonly encodedBytes: number
  /** Those of images among them. */
  readonly encodedImageBytes: number
  /** The request points at files, at stored parts of the conversation or at other content that is not in the body. */
  readonly pointsElsewhere: boolean
  /** How it asks to be served. */
  readonly service: ServiceAsked
}

/** What only the body itself can tell. */
export interface BodyShape extends RequestShape {
  /** Where addresses of media stand that a server may fetch; null: there is too much to know. */
  readonly mediaAddresses: readonly Span[] | null
}

/**
 * What a request says of the service that it wants, where a provider bills several at different prices. `plain` binds the
 * provider to its usual price, `dear` asks for something else, `open` leaves it to the provider and its settings.
 */
export interface ServiceAsked {
  readonly tier: "plain" | "dear" | "open"
  readonly place: "plain" | "dear" | "open"
  /** For itself, or for a model that may answer in place of the first one. Without a word it gets the usual speed. */
  readonly isFast: boolean
}

/** What each dialect knows. All of it tolerates what is not as documented: that is for the upstream to say. */
export interface ShapeRules {
  /** The member that holds the conversation. */
  readonly conversation: string
  readonly files: FileRules
  /** Groups of watched names that say that the history holds tool calls or results. */
  readonly toolHistory: number
  /** Those that say that it holds sealed reasoning. */
  readonly seals: number
  countTools(members: BodyMembers): ToolCounts
  toolChoice(members: BodyMembers): CallShape["toolChoice"]
  structuredOutput(members: BodyMembers): boolean
  reasoning(members: BodyMembers): ReasoningShape
  /** Characters of text in instructions and messages. */
  countText(members: BodyMembers): number
}

/** Top-level fields that point at content which stands elsewhere: nobody here sees how long it is. */
const HIDDEN_FIELDS: ReadonlySet<string> = new Set([
  "previous_response_id",
  "conversation",
  "thread",
  "container",
  "prompt",
])

/** OpenAI's word, Anthropic's and Groq's. */
const PLAIN_TIERS: ReadonlySet<unknown> = new Set(["default", "standard_only", "on_demand"])
/** OpenAI's newer field and its older one. https://platform.openai.com/docs/guides/safety-best-practices */
const END_USER_FIELDS = ["safety_identifier", "user"] as const
const PLAIN_PLACES: ReadonlySet<unknown> = new Set(["global"])

export class ShapeReader implements BodyShape {
  readonly #members: BodyMembers
  readonly #rules: ShapeRules
  readonly #names: number
  #text: number | null = null
  #tools: ToolCounts | null = null
  #files: FileCounts | null = null
  #toolChoice: CallShape["toolChoice"] | null = null
  #structuredOutput: boolean | null = null
  #reasoning: ReasoningShape | null = null

  constructor(body: ScannedObject, rules: ShapeRules) {
    this.#members = new BodyMembers(body)
    this.#rules = rules
    this.#names = this.#members.names(rules.conversation)
  }

  get messageCount(): number {
    const member = this.#members.find(this.#rules.conversation)
    if (member === undefined) return 0
    const { bytes, elements } = this.#members.body
    return bytes[member.start] === QUOTE ? 1 : countWithin(elements, member.start, member.end)
  }

  get textChars(): number {
    return (this.#text ??= this.#rules.countText(this.#members))
  }

  get imageCount(): number {
    return this.#found.images
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
    return (this.#names & this.#rules.toolHistory) !== 0
  }

  get hasSeals(): boolean {
    return (this.#names & this.#rules.seals) !== 0
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
    return this.#found.encodedBytes
  }

  get encodedImageBytes(): number {
    return this.#found.encodedImageBytes
  }

  get pointsElsewhere(): boolean {
    return (this.#names & TYPE.stored) !== 0 || this.#members.someSet(HIDDEN_FIELDS) || this.#found.isElsewhere
  }

  get mediaAddresses(): readonly Span[] | null {
    const { addresses, isOver } = this.#found
    const members = this.#members.all(this.#rules.files.beside)
    if (isOver || members.length === 0) return isOver ? null : addresses
    const beside = addressesBeside(this.#members.body, members, this.#rules.files)
    return beside.isOver ? null : [...addresses, ...beside.addresses]
  }

  get service(): ServiceAsked {
    const members = this.#members
    return {
      tier: this.#asked("service_tier", PLAIN_TIERS),
      place: this.#asked("inference_geo", PLAIN_PLACES),
      isFast: (members.has("speed") && members.only("speed") !== "standard") || members.isSet("fallbacks"),
    }
  }

  #asked(key: string, plain: ReadonlySet<unknown>): ServiceAsked["tier"] {
    if (!this.#members.has(key)) return "open"
    return plain.has(this.#members.only(key)) ? "plain" : "dear"
  }

  uses(feature: string): boolean {
    if (feature === "forced_tool_choice") return this.toolChoice === "forced"
    if (feature === "tool_choice") return this.toolChoice !== "unset"
    if (this.#members.isSet(feature)) return true
    const wanted = token(feature)
    return (
      hasTyped(this.#members.bytes(this.#rules.conversation), wanted) || hasTyped(this.#members.bytes("tools"), wanted)
    )
  }

  sets(field: string): boolean {
    return this.#members.isSet(field)
  }

  get endUser(): string | null {
    for (const key of END_USER_FIELDS) if (this.#members.isSet(key)) return asString(this.#members.value(key))
    if (!this.#members.isSet("metadata")) return null
    return asString(asObject(this.#members.value("metadata"))?.["user_id"])
  }

  get #found(): FileCounts {
    return (this.#files ??= this.#readFiles())
  }

  #readFiles(): FileCounts {
    const { body } = this.#members
    if (body.marks.length === 0) return NO_FILES
    const members = this.#members.all([this.#rules.conversation, "system"])
    return filesIn(body, members, this.#rules.files)
  }

  get #counts(): ToolCounts {
    return (this.#tools ??= this.#rules.countTools(this.#members))
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
  const said = { requested: true, effort: wordLike(effort), budgetTokens }
  if (control === "adaptive") return { ...said, kind: "adaptive" }
  if (budgetTokens !== null) return { ...said, kind: "budget" }
  if (effort !== null) return { ...said, kind: "effort" }
  return control === "enabled" ? { ...said, kind: "adaptive" } : NO_REASONING
}

/** It is the client's own text, of any length: policies read it, and it is recorded. */
function wordLike(text: string | null): string | null {
  return text === null || /^[\w-]{1,32}$/.test(text) ? text : "other"
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
