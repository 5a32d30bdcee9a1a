import { type Check, fail, saysOf } from "../check.ts"
import { expectCalls, expectName, readingText, said, TOOL } from "../judge.ts"
import { readingFrom } from "./tools.ts"

/** Two calls in one answer, with ids of their own. The arguments are judged by `tools`. */
export const parallelTools: Check = {
  name: "parallel-tools",
  proves: "several tools are called in one answer, each with an id of its own",
  declared: (target) => saysOf(target, "tools"),
  impossible: () => null,
  most: (_target, cap) => ({ input: 3000, output: cap }),
  run: async (asking) => {
    const [one, other] = [readingFrom(asking), readingFrom(asking)]
    const messages = [
      said(
        `Call the tool ${TOOL.name} twice in this one answer: once with ${readingText(one)}, and once with ${readingText(other)}.`,
      ),
    ]
    const { reply } = await asking.answer({ messages, tools: [TOOL], parallelToolCalls: true })
    const calls = expectCalls(reply, 2)
    for (const call of calls) expectName(call)
    if (new Set(calls.map(({ id }) => id)).size < calls.length) fail("two calls have the same id")
  },
}
