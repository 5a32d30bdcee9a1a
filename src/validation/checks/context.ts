import { type Asking, type Check, fail } from "../check.ts"
import { echo, expectWord, said } from "../judge.ts"

const FITS = 0.9
const OVERFLOWS = 1.3
/** Numbers of three digits with a blank, by the tokenizers of the day. Rather too many. */
const MOST_TOKENS_PER_NUMBER = 2
const LEAST_TOKENS_PER_NUMBER = 1
const CAP_ROOM = 4096

/** The declared window holds what it says, and what is longer is refused as such. */
export const context: Check = {
  name: "context",
  proves: "the declared context window is there, and a longer request is refused and not cut",
  declared: ({ limits }) => (limits.contextTokens === null ? null : true),
  impossible: ({ limits }, { isDeep }) => {
    if (!isDeep) return "very long requests are asked with --deep only"
    return limits.contextTokens === null ? "context_tokens is not configured" : null
  },
  most: ({ limits }, cap) => ({
    input: Math.ceil((limits.contextTokens ?? 0) * (FITS + 2 * OVERFLOWS)),
    output: 2 * cap,
  }),
  run: async (asking) => {
    const tokens = asking.target.limits.contextTokens ?? 0
    const word = asking.word()
    const fitting = Math.floor((tokens * FITS - CAP_ROOM) / (await tokensPerNumber(asking)))
    const { reply } = await asking.answer({ messages: [said(`${numbers(fitting)}\n${echo(word)}`)] })
    expectWord(reply, word, "the answer to a long request")
    const overflowing = Math.ceil((tokens * OVERFLOWS) / LEAST_TOKENS_PER_NUMBER)
    const heard = await asking.hear({ messages: [said(`${numbers(overflowing)}\n${echo(word)}`)] })
    if (heard.kind === "answer") fail("a request that is longer than the window is answered: it was cut")
    if (heard.kind === "refused" && (heard.status < 400 || heard.status > 499))
      fail(`a request that is too long gets status ${heard.status}`)
  },
}

async function tokensPerNumber({ answer }: Asking): Promise<number> {
  const count = 500
  const { usage } = await answer({ messages: [said(`${numbers(count)}\n${echo("done")}`)] })
  const input = usage === null ? null : usage.freshInputTokens + usage.cachedInputTokens
  return input === null ? MOST_TOKENS_PER_NUMBER : Math.max(LEAST_TOKENS_PER_NUMBER, input / count)
}

function numbers(count: number): string {
  return Array.from({ length: Math.max(0, count) }, (_, index) => 100 + (index % 900)).join(" ")
}
