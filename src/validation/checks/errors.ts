import { type Check, fail } from "../check.ts"
import { WIRES } from "../../dialects/wires.ts"
import { echo, said } from "../judge.ts"

/** A mistake of the client comes back as such: status 400 or 422, with an error of the dialect. */
export const errors: Check = {
  name: "errors",
  proves: "a bad request is refused with status 400 and an error of the dialect",
  declared: () => true,
  impossible: () => null,
  most: (_target, cap) => ({ input: 2000, output: cap }),
  run: async ({ hear, target, word }) => {
    const { conversationMember } = WIRES[target.dialect]
    const heard = await hear(
      { messages: [said(echo(word()))] },
      { edit: (body) => ({ ...body, [conversationMember]: 7 }) },
    )
    if (heard.kind === "answer") fail("a request without a conversation is answered")
    if (heard.kind === "broken") return fail("a bad request gets status 200 and no answer")
    if (heard.kind !== "refused") return
    if (heard.status !== 400 && heard.status !== 422) fail(`a bad request gets status ${heard.status}`)
    if (!heard.isError) fail("the refusal of a bad request is no error of the dialect")
  },
}
