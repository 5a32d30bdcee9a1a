import { type Check, fail, textOf, saysOf } from "../check.ts"
import { expectSame, objectFrom, said } from "../judge.ts"

/** The schema of the answer is kept. */
export const structuredOutput: Check = {
  name: "structured-output",
  proves: "an answer keeps the schema that was demanded",
  declared: (target) => saysOf(target, "structured_outputs"),
  impossible: () => null,
  most: (_target, cap) => ({ input: 3000, output: cap }),
  run: async ({ answer, word, draw }) => {
    const values = { label: word(), amount: 10 + draw(90), kind: draw(2) === 1 ? "inbound" : "outbound" }
    const schema = {
      type: "object",
      properties: {
        label: { type: "string" },
        amount: { type: "integer" },
        kind: { type: "string", enum: ["inbound", "outbound"] },
      },
      required: ["label", "amount", "kind"],
      additionalProperties: false,
    }
    const { reply } = await answer({
      messages: [
        said(
          `Take this down: the label is ${values.label}, the amount is ${values.amount}, the kind is ${values.kind}.`,
        ),
      ],
      output: { kind: "schema", schema, name: "record", strict: true },
    })
    const given = objectFrom(textOf(reply))
    if (given === null) return fail("the answer is no JSON object")
    expectSame(given, values, "the answer")
  },
}
