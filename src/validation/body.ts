/** Questions as bodies in the dialect of a target. */
import type { Request } from "../canonical/request.ts"
import type { Target } from "../config/snapshot.ts"
import type { Mint, ReplyContext } from "../dialects/codec.ts"
import { CODECS } from "../dialects/registry.ts"
import { WIRES } from "../dialects/wires.ts"
import { editBody } from "../pipeline/apart/edited-body.ts"
import { rulesOf } from "../pipeline/targets/body-edits.ts"
import type { AskOptions, Question } from "./check.ts"

export interface WrittenQuestion {
  readonly bytes: Uint8Array
  readonly context: ReplyContext
  /** Output tokens that it asks for at most. */
  readonly cap: number
}

export interface Writing {
  readonly target: Target
  readonly roomyCap: number
  readonly mint: Mint
}

/** As a client of the target's own dialect would ask, with the edits that the configuration makes of every body. */
export function writeQuestion(
  question: Question,
  stream: boolean,
  { target, roomyCap, mint }: Writing,
  { edit }: AskOptions = {},
): WrittenQuestion {
  const request = requestOf(question, stream, target, roomyCap)
  const facts = { ...target.homeFacts, model: target.model, outputTokenField: target.facts.outputTokenField }
  const { body, context } = CODECS[target.dialect].writeRequest(request, facts, mint)
  const plain = Buffer.from(JSON.stringify(edit === undefined ? body : edit(body)))
  const rules = rulesOf(target)
  const bytes = rules === null ? plain : (editBody([plain], rules).bytes ?? plain)
  return { bytes, context, cap: request.cap?.tokens ?? roomyCap }
}

/** No cap where the configuration says that it is ignored: the router sends no such call there. */
function requestOf({ cap, ...question }: Question, stream: boolean, target: Target, roomyCap: number): Request {
  return {
    instructions: [],
    tools: [],
    namespaces: [],
    stopSequences: [],
    sampling: {},
    identity: {},
    state: {},
    include: [],
    extra: {},
    ...question,
    ...(target.limits.honorsMaxTokens ? { cap: cap ?? capOf(target, roomyCap) } : {}),
    dialect: WIRES[target.dialect].origin,
    model: target.model,
    stream,
    includeUsage: true,
  }
}

export function capOf({ dialect, facts }: Target, tokens: number): NonNullable<Request["cap"]> {
  const { capVaries, capMember } = WIRES[dialect]
  const field = capVaries ? facts.outputTokenField : (capMember as NonNullable<Request["cap"]>["field"])
  return { tokens: Math.min(tokens, facts.maxOutputTokens ?? tokens), field }
}

/** Tokens of random words have two bytes and more; those of pictures and files stand for fewer. */
export function inputBound(bytes: Uint8Array): number {
  return Math.ceil(bytes.length / 2) + MEDIA_TOKENS
}

const MEDIA_TOKENS = 1600
