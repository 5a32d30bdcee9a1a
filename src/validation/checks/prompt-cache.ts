import { type Check, fail, undecided } from "../check.ts"
import { WIRES } from "../../dialects/wires.ts"
import { echo } from "../judge.ts"

/** More than the shortest prefix that any vendor keeps (4096 tokens). */
const WORDS = 3000
const TRIES = 3
const PAUSE_MS = 3000

/** What was marked for the provider's cache in one call is read from it in the next. */
export const promptCache: Check = {
  name: "prompt-cache",
  proves: "the second call with the same long beginning reads it from the provider's cache",
  declared: ({ prices }) => (prices.cachedInput === null ? null : true),
  impossible: ({ dialect, facts }, _options, client) =>
    WIRES[dialect].marksCache && !WIRES[client].marksCache && !facts.automaticCache
      ? "clients of this dialect cannot mark what is to be kept"
      : null,
  most: (_target, cap) => ({ input: (TRIES + 1) * 30_000, output: (TRIES + 1) * cap }),
  run: async ({ answer, word, target, pause }) => {
    const prefix = Array.from({ length: WORDS }, () => word()).join(" ")
    const key = WIRES[target.dialect].cacheKeyMember !== null && target.facts.cacheKey ? { promptCacheKey: word() } : {}
    const ask = async (): Promise<number> => {
      const { usage } = await answer({
        instructions: [{ type: "text", text: `These words mean nothing: ${prefix}`, cache: { ttl: null } }],
        messages: [{ role: "user", blocks: [{ type: "text", text: echo("done") }] }],
        identity: key,
      })
      return usage?.cachedInputTokens ?? undecided("the answer reports no usage")
    }
    await ask()
    for (let left = TRIES; left > 0; left--) {
      if ((await ask()) > 0) return
      if (left > 1) await pause(PAUSE_MS)
    }
    fail("calls with the same long beginning read nothing from a cache")
  },
}
