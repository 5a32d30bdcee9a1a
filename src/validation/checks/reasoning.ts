import type { ReasoningWish } from "../../canonical/request.ts"
import type { Target } from "../../config/snapshot.ts"
import { type Asking, type Check, fail } from "../check.ts"
import { echo, expectWord, said, turnOf } from "../judge.ts"

type Answer = Awaited<ReturnType<Asking["answer"]>>

/** A wish to reason is honoured, what came of it is taken back in the next turn, and none is none. */
export const reasoning: Check = {
  name: "reasoning",
  proves: "a wish to reason is honoured, its signed or sealed form is taken back, and reasoning can be switched off",
  declared: ({ capabilities }) => capabilities.reasoning,
  impossible: () => null,
  most: (_target, cap) => ({ input: 6000, output: 3 * cap }),
  run: async (asking) => {
    const { answer, target, word } = asking
    const opening = said(`Think about it first: which is larger, 17 times 23 or 19 times 21? Then ${echo(word())}`)
    const include = ["reasoning.encrypted_content"]
    const state = { store: false }
    const wished = { include, state, reasoning: wishOf(target) }
    const first = await answer({ ...wished, messages: [opening] })
    if (!hasReasoned(first)) fail("the wish to reason is not honoured")
    const next = word()
    const { reply } = await answer({ ...wished, messages: [opening, turnOf(first.reply), said(echo(next))] })
    expectWord(reply, next, "the answer after the reasoning went back")
    if (target.facts.reasoning.alwaysOn || target.limits.alwaysReasons) return
    const plain = await answer({ messages: [said(echo(next))], reasoning: { control: "disabled", effort: "none" } })
    if (hasReasoned(plain)) fail("reasoning was switched off, and the answer has some")
  },
}

function hasReasoned({ reply, usage }: Answer): boolean {
  return reply.blocks.some(({ type }) => type === "reasoning") || (usage?.reasoningTokens ?? 0) > 0
}

function wishOf({ facts, limits }: Target): ReasoningWish {
  const { control, efforts, minBudgetTokens } = facts.reasoning
  if (control === "token_budget") {
    const most = limits.maxBudgetTokens > 0 ? limits.maxBudgetTokens : Infinity
    return { control: "enabled", budgetTokens: Math.min(Math.max(minBudgetTokens, 2048), most) }
  }
  const effort =
    efforts === null || efforts.includes("medium") ? "medium" : (efforts.findLast((one) => one !== "none") ?? "medium")
  return control === "adaptive" ? { control: "adaptive", effort } : { effort }
}
