import type { Check } from "../check.ts"
import { echo, expectWord, said, turnOf } from "../judge.ts"

/** Text goes in and comes out, in a conversation of several turns. */
export const text: Check = {
  name: "text",
  proves: "texts arrive and come back, over several turns and with instructions",
  declared: () => true,
  impossible: () => null,
  most: (_target, cap) => ({ input: 4000, output: 2 * cap }),
  run: async ({ answer, word }) => {
    const [first, second] = [word(), word()]
    const opening = said(echo(first))
    const { reply } = await answer({ messages: [opening] })
    expectWord(reply, first, "the answer")
    const instructions = [{ type: "text", text: `Whatever is asked, answer with this one word: ${second}` }] as const
    const conversation = [opening, turnOf(reply), said("And now?")]
    const { reply: next } = await answer({ instructions, messages: conversation })
    expectWord(next, second, "the second answer")
  },
}
