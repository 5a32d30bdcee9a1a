import { type Check, fail } from "../check.ts"
import { echo, said } from "../judge.ts"

/** A stream in the order of its dialect, with content, usage and end. */
export const streaming: Check = {
  name: "streaming",
  proves: "streams keep the order of the dialect, report their usage, and end as the dialect says",
  declared: () => true,
  impossible: () => null,
  most: (_target, cap) => ({ input: 2000, output: cap }),
  run: async ({ stream, word }) => {
    const heard = await stream({ messages: [said(echo(word()))] })
    if (heard.disorder !== null) fail(heard.disorder)
    if (!heard.hasTerminal) fail("the stream has no event that ends it")
    if (heard.firstContentMs === null) fail("the stream brought no content")
    if (heard.usage === null) fail("the stream reports no usage")
    if (heard.usage !== null && heard.usage.unreported !== null)
      fail(`the usage of the stream says nothing sensible of the ${heard.usage.unreported}`)
  },
}
