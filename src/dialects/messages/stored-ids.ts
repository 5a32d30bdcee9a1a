/** Messages: threads, containers of the code execution tool, and files. */
import { KEY } from "../../json/watched-names.ts"
import { hasMember, HeldIdList, holdsAny, mentions, type StoredId, type StoredIds } from "../stored-ids.ts"
import { asArray, asObject, asString, type Loose } from "../loose.ts"

const RETURNED = [Buffer.from('"file_id"'), Buffer.from('"container"')]

export const storedIds: StoredIds = {
  mayHold: (body) =>
    hasMember(body, "thread") ||
    hasMember(body, "container") ||
    mentions(body, ["messages", "system", "thread", "container"], KEY.fileId),
  held: (body) => {
    const found = new HeldIdList()
    const container = body["container"]
    found.add("container", container, "container")
    found.add("container", asObject(container)?.["id"], "container")
    // `{type: "create"}` names nothing; every other text in it is an id
    for (const [key, value] of Object.entries(asObject(body["thread"]) ?? {}))
      if (key !== "type") found.add("thread", value, "thread")
    found.add("thread", body["thread"], "thread")
    takeBlocks(body["system"], "system", found)
    for (const [index, message] of asArray(body["messages"]).entries())
      takeBlocks(asObject(message)?.["content"], `messages[${index}].content`, found)
    return found.ids
  },
  isKept: (body) => hasMember(body, "thread"),
  mayReturn: (bytes) => holdsAny(bytes, RETURNED),
  returned: (answer, isKept) => {
    const found: StoredId[] = []
    const id = asString(answer["id"])
    if (isKept && id !== null) found.push({ kind: "thread", id })
    const thread = asString(asObject(answer["thread"])?.["id"])
    if (thread !== null) found.push({ kind: "thread", id: thread })
    const container = asString(asObject(answer["container"])?.["id"])
    if (container !== null) found.push({ kind: "container", id: container })
    for (const block of asArray(answer["content"])) takeResult(asObject(block), found)
    return found
  },
}

/** Files stand in sources and in uploads; tool results and documents hold blocks of their own. */
function takeBlocks(blocks: unknown, param: string, found: HeldIdList): void {
  for (const [index, value] of asArray(blocks).entries()) {
    const block = asObject(value)
    const source = asObject(block?.["source"])
    if (block?.["type"] === "container_upload") found.add("file", block["file_id"], `${param}[${index}]`)
    found.add("file", source?.["file_id"], `${param}[${index}].source`)
    takeBlocks(source?.["content"], `${param}[${index}].source.content`, found)
    if (block?.["type"] === "tool_result") takeBlocks(block["content"], `${param}[${index}].content`, found)
  }
}

/** Results of code execution list the files that it made. */
function takeResult(block: Loose | null, found: StoredId[]): void {
  if (!(asString(block?.["type"]) ?? "").endsWith("_tool_result")) return
  const outputs = asArray(asObject(block?.["content"])?.["content"])
  for (const output of outputs) {
    const id = asString(asObject(output)?.["file_id"])
    if (id !== null) found.push({ kind: "file", id })
  }
}
