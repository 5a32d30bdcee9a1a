import { type Check, callsOf, fail, saysOf } from "../check.ts"
import { expectName, said, TOOL } from "../judge.ts"

/** A choice that names a tool is obeyed, also where nothing else asks for a call. The arguments are judged by `tools`. */
export const forcedTools: Check = {
  name: "forced-tools",
  proves: "a choice that names a tool, or demands any, is obeyed",
  declared: (target) => (target.facts.forcedToolChoice ? saysOf(target, "tool_choice") : false),
  impossible: () => null,
  most: (_target, cap) => ({ input: 6000, output: 2 * cap }),
  run: async ({ answer }) => {
    const choices = [
      { mode: "tool", tool: { name: TOOL.name, namespace: null }, kind: "function" },
      { mode: "required" },
    ] as const
    for (const toolChoice of choices) {
      const messages = [said("The station Aldersea stands at level 12, and it is not urgent.")]
      const { reply } = await answer({ messages, tools: [TOOL], toolChoice })
      const [call] = callsOf(reply)
      if (call === undefined) fail("no tool is called although the choice demands one")
      else expectName(call)
    }
  },
}
