import type { Target } from "../../config/snapshot.ts"
import { type Check, fail } from "../check.ts"
import { echo, said } from "../judge.ts"

/** The key opens the model, and the model that answers is the one that was asked for. */
export const entitlement: Check = {
  name: "entitlement",
  proves: "the key may use the model, and this model answers",
  declared: () => true,
  impossible: () => null,
  most: (_target, cap) => ({ input: 2000, output: cap }),
  run: async ({ target, isDirect, list, answer, word }) => {
    const listed = isDirect ? await list() : null
    const { reply } = await answer({ messages: [said(echo(word()))] })
    if (listed !== null && !listed.includes(target.model) && reply.model === "")
      fail("the server lists other models than this one, and its answer names none")
    if (isDirect && !namesOf(target).some((name) => isSame(reply.model, name)))
      fail("the answer names another model than the one that was asked for")
  },
}

/** Its id, and what the configuration says beside it. */
function namesOf({ model, declared }: Target): readonly string[] {
  const others = declared.facts["answers_as"]
  return [model, ...(Array.isArray(others) ? others.map(String) : [])]
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
    .replace(/-latest$/, "")
}

function isEdition(edition: string, model: string): boolean {
  return (
    edition.startsWith(model) &&
    /^[-_.]?(?:\d{4}-?\d{2}-?\d{2}|\d{4}|latest|preview|v\d+)$/.test(edition.slice(model.length))
  )
}
