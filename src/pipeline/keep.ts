/**
 * The content of a call is kept, where its group or its caller wants that: request, headers, and the answer as its client
 * gets it. It is handed over when the call has ended, and stored behind it (`capture/captures.ts`).
 */
import type { Content, ContentPart } from "../capture/content.ts"
import type { CaptureRule } from "../config/compile/capture-rule.ts"
import { masked, type Secrets } from "../upstream/mask.ts"
import { isAdmitted, type AdmittedCall, type Call } from "./call.ts"
import type { Gateway } from "./gateway.ts"
import type { BodyStream, Outgoing, Writer } from "./message.ts"

type Keeping = Pick<Gateway, "captures">

/** Beside the bound, so that what is cut off does not hide a secret that begins before it. */
const MARGIN_BYTES = 4096
const LONGEST_HEADER = 4096
const LARGEST_REFUSAL = 65_536
/** Larger ones have their memory for themselves. */
const SMALL_BODY_BYTES = 16_384

/** The same answer. */
export function keep(outgoing: Outgoing, call: Call, gateway: Keeping): Outgoing {
  if (call.snapshot.capture === null || !isAdmitted(call)) return outgoing
  const rule = ruleOf(call)
  if (rule === null) return outgoing
  const { body } = outgoing
  if (typeof body === "object" && "pump" in body) return { ...outgoing, body: keptStream(body, rule, call, gateway) }
  const bytes = typeof body === "string" ? Buffer.from(body) : body
  const answer = rule.answer ? [partOf("answer", bytes, rule)] : NONE
  gateway.captures.take(contentOf(answer, rule, call))
  return outgoing
}

/** What is kept of the call; null: nothing. */
export function ruleOf({ snapshot, group, credential }: AdmittedCall): CaptureRule | null {
  return snapshot.capture?.ruleOf(group, credential.caller) ?? null
}

const NONE: readonly ContentPart[] = []

function contentOf(answer: readonly ContentPart[], rule: CaptureRule, call: AdmittedCall): Content {
  const { id, ts, group, request, attempts, credential } = call
  const { caller } = credential
  const parts: ContentPart[] = []
  if (rule.headers.length > 0) parts.push(...headersPart(rule, call))
  // what the filter for personal data refused, or did not come to, is kept nowhere
  const isClean = group.piiFilter === null || request.isRedacted
  if (rule.request && isClean) parts.push(partOf("request", request.body.bytes, rule))
  parts.push(...answer)
  if (rule.upstreamErrors)
    for (const [index, { refusal, target }] of attempts.entries())
      if (refusal !== null) parts.push(refusalPart(`upstream_error_${index}`, refusal, target.provider.secrets))
  return {
    requestId: id,
    ts,
    callerId: caller.id,
    project: caller.project,
    environment: caller.environment,
    group: group.name,
    rule,
    parts,
  }
}

/** Without what an upstream must not tell. Of a large one the beginning, since masking takes time. */
function refusalPart(name: string, refusal: Uint8Array, secrets: Secrets): ContentPart {
  if (refusal.length <= LARGEST_REFUSAL)
    return { name, form: "json", bytes: masked(refusal, secrets), totalBytes: refusal.length }
  const shown = masked(refusal.subarray(0, LARGEST_REFUSAL), secrets)
  // half a secret at the end is not known as one
  return { name, form: "json", bytes: shown.subarray(0, shown.length - MARGIN_BYTES), totalBytes: refusal.length }
}

function headersPart({ headers }: CaptureRule, { request }: AdmittedCall): readonly ContentPart[] {
  const named = headers.flatMap((name) => {
    const value = request.headers.get(name)
    return value === null ? [] : [[name, value.slice(0, LONGEST_HEADER)]]
  })
  if (named.length === 0) return NONE
  const bytes = Buffer.from(JSON.stringify(Object.fromEntries(named)))
  return [{ name: "headers", form: "json", bytes, totalBytes: bytes.length }]
}

/** A body of which parts are left out is needed as a whole: nothing can be found in half of it. */
function partOf(name: string, whole: Uint8Array, { images, toolCalls, maxBytes }: CaptureRule): ContentPart {
  const most = images && toolCalls ? maxBytes + MARGIN_BYTES : Infinity
  const bytes = whole.length > most ? whole.slice(0, most) : owned(whole)
  return { name, form: "json", bytes, totalBytes: whole.length }
}

/** A small body may lie in a large buffer, which would stay in memory with it. */
function owned(bytes: Uint8Array): Uint8Array {
  return bytes.length <= SMALL_BODY_BYTES && bytes.length < bytes.buffer.byteLength ? bytes.slice() : bytes
}

function keptStream(body: BodyStream, rule: CaptureRule, call: AdmittedCall, gateway: Keeping): BodyStream {
  const copy = new Copy(rule.answer ? rule.maxBytes + MARGIN_BYTES : 0)
  let isTaken = false
  const take = (): void => {
    if (isTaken) return
    isTaken = true
    gateway.captures.take(contentOf(rule.answer ? [copy.part()] : NONE, rule, call))
  }
  // of a client that has left already nobody asks for the answer
  if (call.life.clientLeft) take()
  const { incoming } = call
  const { onGone } = incoming
  let isAsked = false
  incoming.onGone = () => {
    onGone?.()
    if (!isAsked) take()
  }
  return {
    pump: async (writer) => {
      isAsked = true
      try {
        await body.pump(rule.answer ? copy.through(writer) : writer)
      } finally {
        take()
      }
    },
    keepAlive: () => body.keepAlive?.() ?? NOTHING,
  }
}

const NOTHING = new Uint8Array(0)
const FIRST_BYTES = 4096

/** The beginning of what is written. */
class Copy {
  readonly #most: number
  #bytes = NOTHING
  #used = 0
  #total = 0

  constructor(most: number) {
    this.#most = most
  }

  through(writer: Writer): Writer {
    return {
      write: (bytes) => {
        this.#add(bytes)
        writer.write(bytes)
      },
      isFull: () => writer.isFull(),
      drained: () => writer.drained(),
    }
  }

  part(): ContentPart {
    return { name: "answer", form: "events", bytes: this.#bytes.subarray(0, this.#used), totalBytes: this.#total }
  }

  #add(bytes: Uint8Array): void {
    this.#total += bytes.length
    const taken = Math.min(bytes.length, this.#most - this.#used)
    if (taken === 0) return
    this.#makeRoom(taken)
    this.#bytes.set(taken === bytes.length ? bytes : bytes.subarray(0, taken), this.#used)
    this.#used += taken
  }

  #makeRoom(more: number): void {
    if (this.#used + more <= this.#bytes.length) return
    const larger = new Uint8Array(Math.min(this.#most, Math.max(FIRST_BYTES, 2 * (this.#used + more))))
    larger.set(this.#bytes.subarray(0, this.#used))
    this.#bytes = larger
  }
}
