import { type Asking, type Check, fail, textOf, undecided } from "../check.ts"
import type { OutputCap } from "../../canonical/request.ts"
import { WIRES } from "../../dialects/wires.ts"
import { capOf } from "../body.ts"
import { said } from "../judge.ts"

const CAP = 24
/** Far more than tokens of numbers and blanks have. */
const CHARACTERS_PER_TOKEN = 8
const SPELLINGS: readonly OutputCap["field"][] = ["max_tokens", "max_completion_tokens"]

/** A small output cap ends the answer, whichever way it is spelt: or the spelling is refused. */
export const caps: Check = {
  name: "caps",
  proves: "small output caps are honoured in every spelling of the dialect that is not refused",
  declared: ({ limits }) => limits.honorsMaxTokens,
  impossible: () => null,
  most: () => ({ input: 4000, output: 2 * CAP }),
  run: async (asking) => {
    const { target } = asking
    const own = capOf(target, Math.max(CAP, target.facts.minOutputTokens))
    await judge(asking, own, true)
    if (!WIRES[target.dialect].capVaries) return
    for (const field of SPELLINGS) if (field !== own.field) await judge(asking, { ...own, field }, false)
  },
}

async function judge({ hear }: Asking, cap: OutputCap, isOwn: boolean): Promise<void> {
  const written = cap.field
  const heard = await hear(
    { messages: [said("Write the numbers from 1 to 100, with a blank between them.")], cap },
    {
      edit: ({ max_tokens, max_completion_tokens, ...body }) => ({
        ...body,
        [written]: max_tokens ?? max_completion_tokens ?? body[written],
      }),
    },
  )
  if (heard.kind !== "answer") {
    if (isOwn || heard.failure.class !== "bad_request") fail(`a request with ${written} is refused`)
    return
  }
  const { length } = textOf(heard.reply)
  if (length > cap.tokens * CHARACTERS_PER_TOKEN)
    fail(`${written} was ${cap.tokens}, and the answer has ${length} characters`)
  if (heard.reply.stop.is !== "length") undecided(`the answer ended before the cap of ${written}`)
}
