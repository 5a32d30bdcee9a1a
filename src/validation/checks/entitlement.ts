import { type Check, fail } from "../check.ts"
import { echo, said } from "../judge.ts"

/** The key opens the model, and the model that answers is the one that was asked for. */
export const entitlement: Check = {
  name: "entitlement",
  proves: "the key may use the model, and this model answers",
  declared: () => true,
  impossible: () => null,
  most: ({ facts }) => ({ input: 2000, output: facts.maxOutputTokens ?? 2048 }),
  run: async ({ target, isDirect, list, answer, word }) => {
    const listed = isDirect ? await list() : null
    const { reply } = await answer({ messages: [said(echo(word()))] })
    if (listed !== null && !listed.includes(target.model) && reply.model === "")
      fail("the server lists other models than this one, and its answer names none")
    if (isDirect && !isSame(reply.model, target.model))
      fail("the answer names another model than the one that was asked for")
  },
}

/** Answers name the model with its folder or without, and with the date of its edition or without. */
function isSame(named: string, asked: string): boolean {
  if (named === "") return true
  const [one, other] = [bare(named), bare(asked)]
  return one === other || isEdition(one, other) || isEdition(other, one)
}

function bare(model: string): string {
  return (model.split("/").at(-1) ?? model)
    .toLowerCase()
    .replace(/\.gguf$/, "")
    .replace(/[:@].*$/, "")
}

function isEdition(edition: string, model: string): boolean {
  return (
    edition.startsWith(model) &&
    /^[-_.]?(?:\d{4}-?\d{2}-?\d{2}|\d{4}|latest|preview|v\d+)$/.test(edition.slice(model.length))
  )
}
