/** What a policy may know of a call: counts and flags, and the caller's names; no token, no hash, no content. */
import type { Caller } from "../../config/snapshot.ts"
import type { CallShape } from "../../dialects/shape.ts"
import { WIRES } from "../../dialects/wires.ts"
import type { CallFacts } from "../strategy.ts"

type Facts = Readonly<Record<string, unknown>>

/** Reading all text of a larger body costs more than most scripts: it is counted when they ask. */
const EAGER_BYTES = 16_384

/** Whether `contextOf` counts messages and text at once. */
export function isSmall(call: CallFacts): boolean {
  return call.recorded?.hasCounts ?? (call.body?.bytes.length ?? 0) <= EAGER_BYTES
}

export function contextOf(call: CallFacts, withText: boolean): Facts {
  const shape = call.shape
  const { model, stream, outputCap, choices } = call.request
  return {
    model: model ?? call.group.name,
    dialect: call.dialect,
    stream,
    choices,
    estimatedTokens: call.estimatedInputTokens,
    ...(outputCap === null ? {} : { maxTokens: outputCap.tokens, maxTokensField: outputCap.field }),
    ...(shape === null ? {} : shapeFacts(shape, call)),
    ...(shape === null || !withText ? {} : textFacts(shape)),
  }
}

function shapeFacts(shape: CallShape, { dialect, body }: CallFacts): Facts {
  const { requested, kind, effort, budgetTokens } = shape.reasoning
  const source =
    kind === "none"
      ? undefined
      : WIRES[dialect].reasoningMembers.find((field) => body?.members.some(({ key }) => key === field))
  return {
    imageCount: shape.imageCount,
    toolCount: shape.toolCount,
    hostedToolCount: shape.hostedToolCount,
    hasTools: shape.toolCount + shape.hostedToolCount > 0,
    hasToolHistory: shape.hasToolHistory,
    toolChoice: shape.toolChoice,
    hasStructuredOutput: shape.structuredOutput,
    temperatureSet: shape.temperatureSet,
    reasoning: {
      requested,
      kind,
      ...(effort === null ? {} : { effort }),
      ...(budgetTokens === null ? {} : { budgetTokens }),
      ...(source === undefined ? {} : { source }),
    },
  }
}

export function textFacts(shape: CallShape): Facts {
  return { messageCount: shape.messageCount, textChars: shape.textChars }
}

/** By caller and token: the same for all calls of one configuration. */
const callers = new WeakMap<Caller, Map<string, string>>()

/** `null` as JSON where nobody is known. */
export function callerJson({ caller, tokenId }: CallFacts): string {
  if (caller === null) return "null"
  const known = callers.get(caller) ?? new Map<string, string>()
  callers.set(caller, known)
  const token = tokenId ?? ""
  let json = known.get(token)
  if (json === undefined) known.set(token, (json = JSON.stringify(callerFacts(caller, token))))
  return json
}

function callerFacts(caller: Caller, tokenId: string): Facts {
  return {
    id: caller.id,
    user: caller.user,
    ownerUser: caller.user,
    username: caller.userName ?? undefined,
    project: caller.project,
    environment: caller.environment,
    tokenId,
    membershipRole: caller.membershipRole ?? undefined,
    keyStatus: caller.status,
    allow: [...caller.allowed],
  }
}
