/// <reference path="./smart-router.d.ts" />
/** Routes by what a call asks for: agents, images, reasoning and structured answers each have targets that suit them. */

type Class = "agent" | "vision" | "reasoning" | "structured" | "chat"

/** The tags that a target should have, by the class of the call. */
const WANTED: Readonly<Record<Class, string>> = {
  agent: "coding",
  vision: "vision",
  reasoning: "reasoning",
  structured: "structured",
  chat: "chat",
}

export function route(ctx: RouteContext): RouteDecision {
  const kind = classOf(ctx.context)
  const suits = (target: RouteTarget): number => (target.tags.includes(WANTED[kind]) ? 0 : 1)
  // those with the tag first, then the cheaper ones
  const order = ctx.targets
    .map((target, index) => ({ index, rank: suits(target), price: target.inputPricePerMillionUsd ?? Infinity }))
    .sort((left, right) => left.rank - right.rank || compare(left.price, right.price) || left.index - right.index)
    .map(({ index }) => index)
  return { targetIndex: order[0] ?? 0, fallbackIndexes: order.slice(1), classLabel: `shape:${kind}` }
}

function classOf(call: CallContext): Class {
  if (call.imageCount > 0) return "vision"
  if (call.hasTools) return "agent"
  if (call.reasoning.requested) return "reasoning"
  return call.hasStructuredOutput ? "structured" : "chat"
}

function compare(left: number, right: number): number {
  return left === right ? 0 : left < right ? -1 : 1
}
