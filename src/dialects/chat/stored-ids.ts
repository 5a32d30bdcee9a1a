/** Chat Completions keeps nothing; its messages may point at uploaded files. */
import { holdsAny, hidesNames, HeldIdList, type StoredIds } from "../stored-ids.ts"
import { asArray, asObject } from "../loose.ts"

const NEEDLES = [Buffer.from('"file_id"')]

export const storedIds: StoredIds = {
  mayHold: ({ bytes }) => holdsAny(bytes, NEEDLES) || hidesNames(bytes),
  held: (body) => {
    const found = new HeldIdList()
    for (const [index, message] of asArray(body["messages"]).entries())
      for (const [part, content] of asArray(asObject(message)?.["content"]).entries())
        found.add(
          "file",
          asObject(asObject(content)?.["file"])?.["file_id"],
          `messages[${index}].content[${part}].file`,
        )
    return found.ids
  },
  isKept: () => false,
  mayReturn: () => false,
  returned: () => [],
}
