import type { Check } from "../check.ts"
import { expectWord } from "../judge.ts"
import { pagePdf } from "../page.ts"

/** A page is read. */
export const document: Check = {
  name: "document",
  proves: "a PDF in a user's turn is read",
  declared: ({ declared }) => declared.accepts.documents ?? null,
  impossible: () => null,
  most: (_target, cap) => ({ input: 8000, output: cap }),
  run: async ({ answer, word }) => {
    const shown = word()
    const data = Buffer.from(pagePdf(`The word of the day is ${shown}`)).toString("base64")
    const { reply } = await answer({
      messages: [
        {
          role: "user",
          blocks: [
            { type: "document", source: { kind: "base64", mediaType: "application/pdf", data }, title: "page.pdf" },
            { type: "text", text: "What is the word of the day? Answer with the word and nothing else." },
          ],
        },
      ],
    })
    expectWord(reply, shown, "the answer about the page")
  },
}
