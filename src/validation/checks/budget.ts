import { type Asking, type Check, fail, textOf, undecided } from "../check.ts"
import type { BilledUsage } from "../../canonical/billed-usage.ts"
import { capOf } from "../body.ts"
import { said } from "../judge.ts"

const CAP = 400
const FIRST = 100
const LAST = 699
const SHARE = 0.02
/** Tokens that frame a conversation, which servers count differently. */
const FRAME = 16
/** Instructions of its own that a server may add. */
const PREAMBLE = 500

/**
 * An answer of several hundred tokens, whose usage is compared with all that can be counted without the model's tokenizer:
 * the cap that ended it, the numbers in it, the numbers that were sent, and the server's own count where it has one. No
 * tokenizer makes one token of two numbers with a blank between, nor more tokens than characters.
 */
export const budget: Check = {
  name: "budget",
  proves: "answers of several hundred tokens come whole, and their usage is what can be counted",
  declared: () => true,
  impossible: () => null,
  most: () => ({ input: 5000, output: CAP }),
  run: async (asking) => {
    const sent = Array.from({ length: LAST - FIRST + 1 }, (_, index) => FIRST + index).join(" ")
    const question = {
      messages: [
        said(
          `These are the numbers from ${FIRST} to ${LAST}: ${sent}\nGo on from ${LAST + 1} to 2000 in the same way: only numbers and blanks.`,
        ),
      ],
      cap: capOf(asking.target, CAP),
    }
    const { reply, usage } = await asking.answer(question)
    if (usage === null) return fail("the answer reports no usage")
    if (usage.unreported !== null) fail(`the usage says nothing sensible of the ${usage.unreported}`)
    judgeInput(usage, await asking.count(question))
    judgeOutput(usage, textOf(reply), reply.stop.is === "length", asking)
  },
}

function judgeInput(usage: BilledUsage, counted: number | null): void {
  const input = usage.freshInputTokens + usage.cachedInputTokens + usage.cacheWrite5mTokens + usage.cacheWrite1hTokens
  const numbers = LAST - FIRST + 1
  if (counted !== null && Math.abs(input - counted) > counted * SHARE + FRAME)
    fail(`the usage says ${input} input tokens, the server's own count is ${counted}`)
  // three digits and a blank
  const most = numbers * 4 + PREAMBLE
  if (input < numbers || input > most)
    fail(`the usage says ${input} input tokens, between ${numbers} and ${most} were sent`)
}

function judgeOutput(
  { outputTokens, reasoningTokens }: BilledUsage,
  text: string,
  isCut: boolean,
  { target }: Asking,
): void {
  const cap = Math.min(CAP, target.facts.maxOutputTokens ?? CAP)
  if (isCut && Math.abs(outputTokens - cap) > Math.ceil(cap * SHARE))
    fail(`the usage says ${outputTokens} output tokens, the cap of ${cap} ended the answer`)
  const told = outputTokens - (reasoningTokens ?? 0)
  const least = text.match(/\d+/g)?.length ?? 0
  const most = text.length + FRAME
  if (outputTokens < least) fail(`the usage says ${outputTokens} output tokens, the answer has ${least} numbers`)
  // reasoning that is neither shown nor reported may be in it
  if (reasoningTokens !== null && told > most)
    fail(`the usage says ${told} output tokens beside reasoning, the answer has ${text.length} characters`)
  if (outputTokens < CAP / 2) undecided("the answer was too short to be counted")
}
