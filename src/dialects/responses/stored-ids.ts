/** Responses: stored responses and their items, conversations, containers and files. */
import type { ScannedObject } from "../../json/scan.ts"
import { searchable } from "../../json/search.ts"
import { countWithin, indexFrom } from "../../json/sorted.ts"
import { endOf } from "../../json/walk.ts"
import { KEY, TYPE } from "../../json/watched-names.ts"
import { utf8 } from "../../text.ts"
import { hasMember, HeldIdList, holdsAny, mentions, type StoredId, type StoredIds } from "../stored-ids.ts"
import { asArray, asObject, asString, type Loose } from "../loose.ts"

const HELD = KEY.fileId | KEY.container | TYPE.stored
const RETURNED = [Buffer.from('"file_id"'), Buffer.from('"container_id"')]
const FALSE = 102
const NULL = 110

export const storedIds: StoredIds = {
  mayHold: (body) =>
    hasMember(body, "previous_response_id") ||
    hasMember(body, "conversation") ||
    mentions(body, ["input", "tools", "conversation", "prompt"], HELD) ||
    holdsBareReference(body),
  held: (body) => {
    const found = new HeldIdList()
    found.add("response", body["previous_response_id"], "previous_response_id")
    found.add("conversation", body["conversation"], "conversation")
    found.add("conversation", asObject(body["conversation"])?.["id"], "conversation")
    for (const [index, item] of asArray(body["input"]).entries()) takeItem(asObject(item), `input[${index}]`, found)
    takeTools(body["tools"], "tools", found)
    for (const value of Object.values(asObject(asObject(body["prompt"])?.["variables"]) ?? {}))
      found.add("file", asObject(value)?.["file_id"], "prompt.variables")
    return found.ids
  },
  isKept: ({ bytes, members }) => !members.some(({ key, start }) => key === "store" && bytes[start] === FALSE),
  mayReturn: (bytes) => holdsAny(bytes, RETURNED),
  returned: (answer, isKept) => {
    const found: StoredId[] = []
    const isStored = isKept && answer["store"] !== false
    const add = (kind: StoredId["kind"], value: unknown): void => {
      if (typeof value === "string") found.push({ kind, id: value })
    }
    // without storage, too, an answer in the background is kept until it can be read
    if (isStored || (isKept && answer["background"] === true)) add("response", answer["id"])
    if (isStored) add("conversation", asObject(answer["conversation"])?.["id"])
    for (const value of asArray(answer["output"])) {
      const item = asObject(value)
      if (isStored) add("item", item?.["id"])
      add("container", item?.["container_id"])
      add("container", asObject(item?.["environment"])?.["container_id"])
      for (const { file, container } of filesOf(item)) {
        add("file", file)
        add("container", container)
      }
    }
    return found
  },
}

/** Only elements with an id and without a type are read. */
function holdsBareReference({ bytes, members, elements, types, ids }: ScannedObject): boolean {
  const json = searchable(bytes)
  const input = members.filter(({ key }) => key === "input")
  return input.some(({ start, end }) => {
    for (let index = indexFrom(ids, start); (ids[index] ?? end) < end; index++) {
      const next = indexFrom(elements, ids[index] ?? 0)
      const [element, behind] = [elements[next - 1] ?? 0, Math.min(end, elements[next] ?? end)]
      const type = types[indexFrom(types, element)] ?? end
      if (type < behind && bytes[type] !== NULL && countWithin(types, element, behind) === 1) continue
      if (isReference(asObject(JSON.parse(utf8(bytes, element, endOf(json, element)))))) return true
    }
    return false
  })
}

/** `{"id": …}` and no type is a reference, too. https://platform.openai.com/docs/api-reference/responses/create */
export function isReference(item: Loose | null): boolean {
  const type = item?.["type"] ?? null
  return type === "item_reference" || (type === null && item?.["role"] === undefined && item?.["id"] !== undefined)
}

function takeItem(item: Loose | null, at: string, found: HeldIdList): void {
  if (isReference(item)) found.add("item", item?.["id"], at)
  found.add("file", asObject(item?.["output"])?.["file_id"], `${at}.output`)
  for (const field of ["content", "output"])
    for (const [index, part] of asArray(item?.[field]).entries())
      found.add("file", asObject(part)?.["file_id"], `${at}.${field}[${index}]`)
  if (item?.["type"] === "additional_tools") takeTools(item["tools"], `${at}.tools`, found)
}

function takeTools(tools: unknown, at: string, found: HeldIdList): void {
  for (const [index, value] of asArray(tools).entries()) {
    const tool = asObject(value)
    const param = `${at}[${index}]`
    for (const field of ["container", "environment"]) {
      const place = tool?.[field]
      // as text, `environment` is the kind of computer that a tool uses
      if (field === "container") found.add("container", place, `${param}.${field}`)
      found.add("container", asObject(place)?.["container_id"], `${param}.${field}`)
      found.add("container", asObject(place)?.["id"], `${param}.${field}`)
      found.addAll("file", asObject(place)?.["file_ids"], `${param}.${field}.file_ids`)
    }
    found.add("file", asObject(tool?.["input_image_mask"])?.["file_id"], `${param}.input_image_mask`)
    takeTools(tool?.["tools"], `${param}.tools`, found)
  }
}

interface CitedFile {
  readonly file: unknown
  readonly container: unknown
}

/** Files that the model made or cites stand in the annotations of its text. */
function filesOf(item: Loose | null): readonly CitedFile[] {
  return asArray(item?.["content"]).flatMap((part) =>
    asArray(asObject(part)?.["annotations"]).map((annotation) => {
      const cited = asObject(annotation)
      return { file: asString(cited?.["file_id"]), container: asString(cited?.["container_id"]) }
    }),
  )
}
