/// <reference path="./smart-router.d.ts" />
/** Long prompts go to a `heavy` target, short ones to a `cheap` one; where there is none of the kind, to the first. */

const LONG_CHARS = 8000

export function route(ctx: RouteContext): RouteDecision {
  const tier = ctx.context.textChars > LONG_CHARS ? "heavy" : "cheap"
  const found = ctx.targets.findIndex((target) => target.tier === tier)
  return { targetIndex: Math.max(0, found), classLabel: `size:${tier}` }
}
