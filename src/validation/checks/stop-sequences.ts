import { type Check, fail, textOf, undecided } from "../check.ts"
import { defaultFacts } from "../../canonical/target.ts"
import type { DialectName } from "../../dialects/name.ts"
import { WIRES } from "../../dialects/wires.ts"
import { said } from "../judge.ts"

function hasStops(client: DialectName): boolean {
  return defaultFacts({ dialect: WIRES[client].origin, label: null }, "").maxStopSequences > 0
}

/** A stop sequence ends the answer before it. */
export const stopSequences: Check = {
  name: "stop-sequences",
  proves: "an answer ends where a stop sequence would begin",
  declared: () => true,
  impossible: ({ facts }, _options, client) =>
    facts.maxStopSequences === 0 || !hasStops(client) ? "its dialect or its configuration has no stop sequences" : null,
  most: (_target, cap) => ({ input: 2000, output: cap }),
  run: async ({ answer, word }) => {
    const [first, second, third] = [word(), word(), word()]
    const { reply } = await answer({
      messages: [
        said(`Write these three words, with a blank between them, and nothing else: ${first} ${second} ${third}`),
      ],
      stopSequences: [second],
    })
    const text = textOf(reply).toLowerCase()
    if (text.includes(second) || text.includes(third)) fail("the answer goes on behind the stop sequence")
    if (!text.includes(first)) undecided("the answer does not begin with what was to be written")
  },
}
