/** Takes personal data out of a request: every text in it that a rule matches gets a placeholder, and no other byte changes. */
import { isEnvelope, openEnvelope, openSummary } from "../canonical/seal.ts"
import type { DialectName } from "../dialects/name.ts"
import { JsonFault } from "../json/fault.ts"
import { scanObject, type ScannedObject } from "../json/scan.ts"
import { searchable, skipSpace } from "../json/search.ts"
import { stringAt } from "../json/walk.ts"
import { latin1 } from "../text.ts"
import { fileText } from "./file-text.ts"
import type { PiiFilter, PiiPart } from "./filter.ts"
import { createMatcher, type Matcher } from "./matcher.ts"
import { Placeholders } from "./placeholders.ts"
import { Places, type Place } from "./places.ts"
import { requestPlaces } from "./request-places.ts"
import type { Match } from "./span.ts"

/** Why a request is refused. `matched`: the filter blocks. `too-many`: more than it may replace. `sealed`: a signature would break. */
export type RefusalReason = "matched" | "too-many" | "sealed"

export interface Redaction {
  /** Null: nothing was found, and the request stays as it is. */
  readonly bytes: Uint8Array | null
  /** The originals, by their placeholders. */
  readonly values: ReadonlyMap<string, string>
  /** Matches, by the place of their rule. */
  readonly counts: readonly number[]
  readonly replacements: number
  /** Null: it is not. */
  readonly refusal: RefusalReason | null
}

/** What is to be done is no work for the event loop. */
export class HeavyWork extends Error {}

export interface RedactOptions {
  /** Keys the placeholders. */
  readonly key: string
  /** Throws `HeavyWork` for a text of more characters, and for expressions that take long. Infinity: there is no event loop to hold. */
  readonly longestText: number
}

/**
 * Yields what each step has cost, as `Matcher` does.
 * @throws InvalidExpression, HeavyWork
 */
export function* redactRequest(
  body: ScannedObject,
  dialect: DialectName,
  filter: PiiFilter,
  options: RedactOptions,
): Generator<number, Redaction> {
  const redactor = new Redactor(filter, options)
  const json = searchable(body.bytes)
  const places: Place[] = []
  requestPlaces(body, dialect, (place) => places.push(place))
  const edits = yield* redactor.editsIn(json, places, 0)
  return redactor.result(edits.length === 0 ? null : withEdits(json, edits))
}

interface Edit {
  readonly start: number
  readonly end: number
  readonly bytes: Uint8Array
}

function withEdits(json: Uint8Array, edits: readonly Edit[]): Uint8Array {
  const pieces: Uint8Array[] = []
  let at = 0
  for (const { start, end, bytes } of edits) {
    pieces.push(json.subarray(at, start), bytes)
    at = end
  }
  return Buffer.concat([...pieces, json.subarray(at)])
}

/** JSON in a text in JSON … so deep it is read as what it says. */
const DEEPEST_TEXT = 4
/** Of values in a text. */
const DEEPEST_JSON = 512

class Redactor {
  readonly #filter: PiiFilter
  readonly #longestText: number
  readonly #matcher: Matcher
  readonly #placeholders: Placeholders
  readonly #counts: number[]
  #replacements = 0
  #isSealed = false

  constructor(filter: PiiFilter, { key, longestText }: RedactOptions) {
    this.#filter = filter
    this.#longestText = longestText
    this.#matcher = createMatcher(filter.rules)
    if (this.#matcher.isHeavy && longestText !== Infinity) throw new HeavyWork()
    this.#placeholders = new Placeholders(key)
    this.#counts = filter.rules.map(() => 0)
  }

  result(bytes: Uint8Array | null): Redaction {
    const refusal = this.#refusal()
    return {
      bytes: refusal === null ? bytes : null,
      values: this.#placeholders.values,
      counts: this.#counts,
      replacements: this.#replacements,
      refusal,
    }
  }

  #refusal(): RefusalReason | null {
    const { blocks, maxReplacements } = this.#filter
    if (this.#isSealed) return "sealed"
    if (blocks && this.#replacements > 0) return "matched"
    return this.#replacements > maxReplacements ? "too-many" : null
  }

  *editsIn(json: Buffer, places: readonly Place[], depth: number): Generator<number, readonly Edit[]> {
    const edits: Edit[] = []
    for (const place of places) {
      if (!this.#filter.parts[place.part]) continue
      const { start, end } = place
      const text = place.kind === "number" ? latin1(json, start, end) : stringAt(json, start, end)
      const redacted = yield* this.#redacted(text, place, depth)
      if (redacted !== null) edits.push({ start, end, bytes: Buffer.from(JSON.stringify(redacted)) })
    }
    return edits
  }

  /** Null: nothing is found in it, or it stays as it is. */
  *#redacted(text: string, { kind, reasoning, part }: Place, depth: number): Generator<number, string | null> {
    if (reasoning === "sealed") {
      for (const shown of kind === "seal" ? sealedTexts(text) : [text]) yield* this.#checkSealed(shown)
      return null
    }
    if (kind === "seal" || (kind === "url" && /^data:/i.test(text))) return null
    return kind === "file" ? yield* this.#redactedFile(text, part, depth) : yield* this.#redactedText(text, part, depth)
  }

  *#checkSealed(text: string): Generator<number, void> {
    const matches = yield* this.#matches(text)
    if (matches.length > 0) this.#isSealed = true
  }

  *#redactedText(text: string, part: PiiPart, depth: number): Generator<number, string | null> {
    if (text.length > this.#longestText) throw new HeavyWork()
    const json = depth < DEEPEST_TEXT && looksLikeJson(text) ? jsonIn(text) : null
    if (json !== null) {
      const places: Place[] = []
      new Places(json, (place) => places.push(place)).values(skipSpace(json, 0), part)
      const edits = yield* this.editsIn(json, places, depth + 1)
      return edits.length === 0 ? null : withEdits(json, edits).toString()
    }
    const matches = yield* this.#matches(text)
    return matches.length === 0 ? null : this.#replaced(text, matches)
  }

  /** A file that is a text. Other files stay as they are: the router cannot read them. */
  *#redactedFile(file: string, part: PiiPart, depth: number): Generator<number, string | null> {
    const { head, text, written } = fileText(file)
    if (text === null) return null
    const redacted = yield* this.#redactedText(text, part, depth)
    return redacted === null ? null : head + written(redacted)
  }

  *#matches(text: string): Generator<number, readonly Match[]> {
    if (text.length > this.#longestText) throw new HeavyWork()
    const matches = yield* this.#matcher.matches(text)
    for (const { rule } of matches) this.#counts[rule] = (this.#counts[rule] ?? 0) + 1
    this.#replacements += matches.length
    return matches
  }

  #replaced(text: string, matches: readonly Match[]): string {
    let replaced = ""
    let at = 0
    for (const { start, end, rule } of matches) {
      const placeholder = this.#placeholders.of(this.#matcher.prefixes[rule] ?? "", text.slice(start, end))
      replaced += text.slice(at, start) + placeholder
      at = end
    }
    return replaced + text.slice(at)
  }
}

function looksLikeJson(text: string): boolean {
  return /^\s*[{[]/.test(text) && /[}\]]\s*$/.test(text)
}

/** Null: it is none, or is nested too deeply. */
function jsonIn(text: string): Buffer | null {
  try {
    const { members } = scanObject(Buffer.from(`{"":${text}}`), DEEPEST_JSON)
    return members.length === 1 ? Buffer.from(text) : null
  } catch (error) {
    if (error instanceof JsonFault) return null
    throw error
  }
}

/** What an envelope of the router shows to models of other vendors; a vendor's own seal shows nothing. */
function sealedTexts(text: string): readonly string[] {
  if (!isEnvelope(text)) return []
  const summary = openSummary(text)
  return summary === null ? (openEnvelope(text)?.parts ?? []).map((part) => part.text) : [summary]
}
