/** Chat Completions keeps nothing; its messages may point at uploaded files. */
import { KEY } from "../../json/watched-names.ts"
import { HeldIdList, mentions, type StoredIds } from "../stored-ids.ts"
import { asArray, asObject } from "../loose.ts"

export const storedIds: StoredIds = {
  mayHold: (body) => mentions(body, ["messages"], KEY.fileId),
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
