/** Compares the two readings of one wire. */
import { hearAnswer, hearRequests, type Heard } from "./ours.ts"
import { readRequests, readResponses, type Message } from "./llhttp.ts"

export type Verdict =
  | { readonly kind: "same" }
  /** We refuse a message that llhttp reads; `why` is what we say. */
  | { readonly kind: "stricter"; readonly why: string }
  /** We read a message that llhttp refuses, or another one. */
  | { readonly kind: "laxer"; readonly why: string }

const SAME: Verdict = { kind: "same" }
const laxer = (why: string): Verdict => ({ kind: "laxer", why })

export async function judgeRequests(wire: Uint8Array, cuts: readonly number[]): Promise<Verdict> {
  const theirs = readRequests(wire)
  const ours = await hearRequests(piecesOf(wire, cuts))
  for (const [index, heard] of ours.requests.entries()) {
    const isLast = index === ours.requests.length - 1 && ours.refused !== null
    if (isLast && !READ_ON.has(heard.method)) return { kind: "stricter", why: "other methods" }
    const message = theirs.messages[index]
    if (message === undefined) return laxer(`request ${index} where llhttp says: ${theirs.fault ?? "not yet"}`)
    const why = differs(heard, message, ours.refused !== null, theirs.fault !== null)
    if (why !== null) return laxer(`request ${index}: ${why}`)
  }
  if (ours.requests.length < theirs.messages.length || (theirs.fault === null && isCut(ours.requests, theirs.messages)))
    return ours.refused === null ? laxer("we wait where llhttp has a request") : { kind: "stricter", why: ours.refused }
  return SAME
}

/** Any other method is answered from its head alone (routes say what they allow), and nothing behind it is read. */
const READ_ON: ReadonlySet<string> = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])

/** A second one that says the same is the same. */
const ONE_VALUE: ReadonlySet<string> = new Set(["authorization", "x-api-key", "content-type"])

function isRepeated(value: string, one: string | null): boolean {
  return value.split(", ").every((part) => part === one)
}

function isCut(ours: readonly Heard[], theirs: readonly Message[]): boolean {
  return ours.some(({ body }, index) => body === null && theirs[index]?.complete === true)
}

function differs(heard: Heard, message: Message, weRefuse: boolean, theyRefuse: boolean): string | null {
  if (heard.method !== message.method) return `the method is ${heard.method}, or ${message.method}`
  if (heard.target !== originForm(message.target)) return `the target is ${heard.target}, or ${message.target}`
  for (const [name, value] of joined(message.fields)) {
    // how it is framed is told by the body
    if (name === "content-length") continue
    if (heard.field(name) === value || (ONE_VALUE.has(name) && isRepeated(value, heard.field(name)))) continue
    return `${name} is ${JSON.stringify([heard.field(name), value])}`
  }
  if (heard.body === null) return message.complete && !weRefuse ? "we wait for more of a body that is whole" : null
  if (!message.complete) return theyRefuse ? "we take a body that llhttp refuses" : "our body is shorter"
  return heard.body.equals(message.body) ? null : "the bodies differ"
}

export function judgeResponse(wire: Uint8Array, cuts: readonly number[], ended: boolean): Verdict {
  const theirs = readResponses(wire, ended)
  const ours = hearAnswer(piecesOf(wire, cuts), ended)
  const message = theirs.messages.find(({ status }) => status >= 200 || status === 101)
  if (ours.status === null) {
    if (message === undefined) return SAME
    return ours.refused === null ? laxer("we wait where llhttp has an answer") : { kind: "stricter", why: ours.refused }
  }
  if (message === undefined) return laxer(`an answer where llhttp says: ${theirs.fault ?? "not yet"}`)
  if (message.status !== ours.status) return laxer(`the status is ${ours.status}, or ${message.status}`)
  for (const [name, value] of joined(message.fields))
    if (ours.field(name) !== value) return laxer(`${name} is ${JSON.stringify([ours.field(name), value])}`)
  if (ours.complete) {
    if (!message.complete) return laxer("our body is whole, that of llhttp is not")
    if (!ours.body.equals(message.body)) return laxer("the bodies differ")
    return ours.keepAlive && !message.keepAlive ? laxer("we keep the connection") : SAME
  }
  if (!message.complete) return SAME
  return ours.refused === null ? laxer("we wait for more") : { kind: "stricter", why: ours.refused }
}

function joined(fields: Message["fields"]): ReadonlyMap<string, string> {
  const all = new Map<string, string>()
  for (const [name, raw] of fields) {
    const value = raw.replace(/^[ \t]+|[ \t]+$/gu, "")
    const before = all.get(name.toLowerCase())
    all.set(name.toLowerCase(), before === undefined ? value : `${before}, ${value}`)
  }
  return all
}

/** Scheme and host of a whole URL go; the server as a whole is its root. */
function originForm(target: string): string {
  if (target === "*") return "/"
  const rest = target.replace(/^https?:\/\/[^/?#]*/iu, "")
  return rest.startsWith("/") ? rest : `/${rest}`
}

/** Copies: the readers own what they get. */
function piecesOf(wire: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const places = [...new Set(cuts.filter((place) => place > 0 && place < wire.length))].toSorted((a, b) => a - b)
  return [...places, wire.length].map((to, index) => Uint8Array.prototype.slice.call(wire, places[index - 1] ?? 0, to))
}
