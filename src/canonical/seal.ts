/**
 * Sealed reasoning on its way through a client that speaks another dialect than its issuer.
 *
 * An envelope is the whole reasoning block as one opaque text: who reasoned, the payload, and the visible parts, since
 * a signature is worthless next to a text that a client shortened or lost. It stands where the client's dialect has an
 * opaque field, and comes back from there in the next request:
 *
 *     Messages   `thinking.signature` when there are visible parts, `redacted_thinking.data` when there are none
 *     Responses  `reasoning.encrypted_content`, beside the visible parts in `summary` or `content`
 *     Chat       one entry `{type:"reasoning.encrypted", format:"unknown", id:null, index, data}` of
 *                `reasoning_details` per block, beside the visible text in `reasoning_content`. No field of Chat is made
 *                for it; this one has clients that keep and return it, and plain clients ignore it. `index` is the
 *                number of blocks before it in the message as it will be read back (all text is one there), so that
 *                a reader can put it back; when any envelope came back, the visible text beside it is not read a
 *                second time
 *
 * Every reasoning block that is written for a client of another dialect travels in an envelope, payload or not: by its
 * prefix it can be found, and kept from an upstream that would refuse it. An envelope is not a secret and not proof: a
 * client can make one, as it can make up a native payload, and gains nothing by it.
 */

import type { ReasoningBlock, ReasoningPart, Seal, SealForm } from "./block.ts"
import { DIALECTS, sameIssuer, type Dialect, type Issuer } from "./origin.ts"

/** Name and version. A later version gets another number; this code then ignores it. */
export const ENVELOPE_PREFIX = "rtr1."

/** In characters. What is longer is not wrapped, and not opened. */
export const MAX_ENVELOPE_CHARS = 4_194_304

const ANY_VERSION = /^rtr\d{1,4}\./
const BASE64URL = /^[A-Za-z0-9_-]+$/
const MAX_LABEL_CHARS = 256

/** A seal that only says who reasoned. */
export function originSeal(issuer: Issuer): Seal {
  return { issuer, form: "none", payload: "" }
}

/** The block with at least its origin: what every reader of unary replies does to reasoning without a payload. */
export function sealReasoning(block: ReasoningBlock, issuer: Issuer): ReasoningBlock {
  return block.seal === null ? { ...block, seal: originSeal(issuer) } : block
}

/** What goes into an envelope; a text may be one that grows. */
interface Sealed {
  readonly parts: readonly {
    readonly kind: ReasoningPart["kind"]
    readonly text: { readonly length: number; toString(): string }
  }[]
  readonly seal: Seal | null
}

/** The envelope of a block; null without a seal, or where it would be too long (loss `reply-reasoning-seal`). */
export function wrapReasoning(block: Sealed): string | null {
  if (block.seal === null) return null
  const { issuer, form, payload } = block.seal
  const chars = block.parts.reduce((sum, { text }) => sum + text.length, payload.length)
  if (chars > MAX_ENVELOPE_CHARS) return null
  const parts = block.parts.map(({ kind, text }) => [kind === "summary" ? "s" : "r", text.toString()])
  return envelopeOf([issuer.dialect, issuer.mark?.() ?? issuer.label, form, payload, parts])
}

/** The envelope of a conversation's summary, which stands where its vendor would put a sealed one; null: it would be too long. */
export function wrapSummary(summary: string): string | null {
  return envelopeOf([SUMMARY, summary])
}

const SUMMARY = "summary"

function envelopeOf(content: unknown): string | null {
  const bytes = new TextEncoder().encode(JSON.stringify(content))
  const body = bytes.toBase64({ alphabet: "base64url", omitPadding: true })
  return ENVELOPE_PREFIX.length + body.length > MAX_ENVELOPE_CHARS ? null : ENVELOPE_PREFIX + body
}

/** The block in an envelope; null when it is not one, or broken, or of another version. Never throws. */
export function openEnvelope(text: string): ReasoningBlock | null {
  return blockOf(contentOf(text))
}

/** The summary in an envelope; null when it is none. Never throws. */
export function openSummary(text: string): string | null {
  const content = contentOf(text)
  if (!isList(content) || content.length !== 2 || content[0] !== SUMMARY) return null
  return typeof content[1] === "string" && content[1] !== "" ? content[1] : null
}

function contentOf(text: string): unknown {
  if (!text.startsWith(ENVELOPE_PREFIX) || text.length > MAX_ENVELOPE_CHARS) return null
  const body = text.slice(ENVELOPE_PREFIX.length)
  if (!BASE64URL.test(body)) return null
  try {
    const bytes = Uint8Array.fromBase64(body, { alphabet: "base64url" })
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes))
  } catch {
    return null
  }
}

/** Is this an envelope of any version, so that no vendor may get it as if it were its own payload? */
export function isEnvelope(text: string): boolean {
  return ANY_VERSION.test(text)
}

/**
 * What a request reader makes of an opaque field and of the visible parts next to it. An envelope counts with its own
 * parts, whatever the client made of the visible ones. A broken or unknown envelope is ignored: the visible parts stay,
 * unsealed. Anything else is a native payload of unknown label; "" is none. `native.payload` is what the payload shall
 * be then, where its form is more than the text (Responses, Chat; see `Seal`).
 */
export function openSeal(
  text: string,
  parts: readonly ReasoningPart[],
  native: { readonly dialect: Dialect; readonly form: SealForm; readonly payload?: string },
): ReasoningBlock {
  const opened = openEnvelope(text)
  if (opened !== null) return opened
  if (text === "" || isEnvelope(text)) return { type: "reasoning", parts, seal: null }
  const payload = native.payload ?? text
  const seal: Seal = { issuer: { dialect: native.dialect, label: null }, form: native.form, payload }
  return { type: "reasoning", parts, seal }
}

/** The seal, if `issuer` made it and may have it back; null otherwise, and always null where it holds no payload. */
export function sealFor(block: Pick<ReasoningBlock, "seal">, issuer: Issuer): Seal | null {
  const { seal } = block
  return seal !== null && holdsPayload(seal) && sameIssuer(seal.issuer, issuer) ? seal : null
}

/** A seal of form `none` or `field` says who reasoned and where the text stood, and holds nothing that only its issuer can read. */
export function holdsPayload({ form }: Seal): boolean {
  return form !== "none" && form !== "field"
}

const FORMS: readonly unknown[] = [
  "signature",
  "redacted",
  "encrypted",
  "details",
  "field",
  "none",
] satisfies readonly SealForm[]

function blockOf(value: unknown): ReasoningBlock | null {
  if (!isList(value) || value.length !== 5) return null
  const [dialect, label, form, payload, rawParts] = value
  if (!isDialect(dialect) || !isForm(form) || typeof payload !== "string" || !isList(rawParts)) return null
  if (label !== null && (typeof label !== "string" || label.length > MAX_LABEL_CHARS)) return null
  if ((form === "none") !== (payload === "")) return null
  const parts: ReasoningPart[] = []
  for (const one of rawParts) {
    const part = partOf(one)
    if (part === null) return null
    parts.push(part)
  }
  return { type: "reasoning", parts, seal: { issuer: { dialect, label }, form, payload } }
}

function partOf(value: unknown): ReasoningPart | null {
  if (!isList(value) || value.length !== 2) return null
  const [kind, text] = value
  if ((kind !== "s" && kind !== "r") || typeof text !== "string" || text === "") return null
  return { kind: kind === "s" ? "summary" : "raw", text }
}

function isList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value)
}

function isDialect(value: unknown): value is Dialect {
  return (DIALECTS as readonly unknown[]).includes(value)
}

function isForm(value: unknown): value is SealForm {
  return FORMS.includes(value)
}
