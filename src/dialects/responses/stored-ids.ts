/** Responses: stored responses and their items, conversations, containers and files. */
import type { ScannedObject } from "../../json/scan.ts"
import { searchable } from "../../json/search.ts"
import { countWithin, indexFrom } from "../../json/sorted.ts"
import { eachMember, endOf, stringAt } from "../../json/walk.ts"
import { KEY, TYPE } from "../../json/watched-names.ts"
import { utf8 } from "../../text.ts"
import { elementsOf, idsAt, type IdPlace, type Nested } from "../id-places.ts"
import { asArray, asObject, asString, type Loose } from "../loose.ts"
import { hasMember, holdsAny, memberMentions, mentions, type StoredId, type StoredIds } from "../stored-ids.ts"

const HELD = KEY.fileId | KEY.container | TYPE.stored
const RETURNED = [Buffer.from('"file_id"'), Buffer.from('"container_id"')]
const COMPARED = Buffer.from("comparison_response_id")
const FALSE = 102
const NULL = 110

/**
 * Items whose words stand in this member. Without it the item says no more than an id, and the provider puts in what it
 * has stored under that id. https://platform.openai.com/docs/guides/image-generation shows it for images; for reasoning see
 * https://platform.openai.com/docs/guides/reasoning
 */
const BARE: Words = new Map([
  ["reasoning", "encrypted_content"],
  ["compaction", "encrypted_content"],
  ["compaction_summary", "encrypted_content"],
  ["image_generation_call", "result"],
])
/** These say at least what was asked for. */
const STEPS: Words = new Map([
  ["file_search_call", "results"],
  ["code_interpreter_call", "outputs"],
  ["web_search_call", "results"],
])
const WORDS: Words = new Map([...BARE, ...STEPS])
type Words = ReadonlyMap<unknown, string>

function wordsOf(words: Words, say: (type: string, words: string) => string): string {
  return [...words].map(([type, name]) => say(String(type), name)).join(", ")
}

const fileAt = (at: string): IdPlace => ({ at, names: "an uploaded file", binding: "refuse", kind: "file" })
const containerAt = (at: string): IdPlace => ({ at, names: "a container", binding: "refuse", kind: "container" })
const stepContainerAt = (at: string): IdPlace => ({
  at,
  names: "the container of an earlier step, which the provider uses again",
  binding: "leave-out",
  kind: "container",
})
const account = (at: string, names: string): IdPlace => ({ at, names, binding: "account", kind: null })
const inRequest = (at: string, names: string): IdPlace => ({ at, names, binding: "request", kind: null })

const PLACES: readonly IdPlace[] = [
  { at: "previous_response_id", names: "a response", binding: "refuse", kind: "response" },
  { at: "conversation", names: "a conversation", binding: "refuse", kind: "conversation" },
  { at: "conversation.id", names: "a conversation", binding: "refuse", kind: "conversation" },
  {
    at: "input[].id",
    names: "an item of a response",
    binding: "leave-out",
    kind: "item",
    where: isReference,
    condition:
      "of an `item_reference`, of an item without a type, and of one that is no more than its id: " +
      wordsOf(BARE, (type, words) => `\`${type}\` without \`${words}\``),
  },
  {
    at: "input[].id",
    names: "an item of a response",
    binding: "rename",
    kind: "item",
    where: isStep,
    condition:
      "of `reasoning` that shows its `content`, and of steps that lack what came of them: " +
      wordsOf(STEPS, (type, words) => `\`${type}\` without \`${words}\``),
  },
  fileAt("input[].content[].file_id"),
  fileAt("input[].output[].file_id"),
  fileAt("input[].output.file_id"),
  stepContainerAt("input[].container_id"),
  stepContainerAt("input[].environment.container_id"),
  fileAt("prompt.variables{}.file_id"),
  ...["tools[+]", "input[].tools[+]"].flatMap((tools) => [
    containerAt(`${tools}.container`),
    containerAt(`${tools}.container.id`),
    ...["container", "environment"].flatMap((place) => [
      containerAt(`${tools}.${place}.container_id`),
      fileAt(`${tools}.${place}.file_ids[]`),
    ]),
    fileAt(`${tools}.input_image_mask.file_id`),
  ]),
  {
    at: "prompt_cache_options.comparison_response_id",
    names: "a response to compare with",
    binding: "hint",
    kind: "response",
  },
  account("tools[].vector_store_ids[]", "a vector store"),
  account("tools[].environment.skills[].skill_id", "a skill"),
  account("tools[].connector_id", "a connector of the provider; it asks for a token of its own"),
  account("tools[].tunnel_id", "a tunnel to a server of tools"),
  account("prompt.id", "a prompt"),
  account("prompt_cache_key", "where the provider looks for a cached prefix"),
  inRequest("input[].call_id", "a call of a tool"),
  inRequest("input[].approval_request_id", "a question of this request, or of what it goes on from"),
  inRequest("input[].content[].annotations[].file_id", "a source that a text cites"),
  inRequest("safety_identifier", "the end user, for the provider's own checks"),
]

/** Tools stand in tools: those of a server, or of a namespace. */
function nestedTools(tool: Loose): readonly Nested[] {
  return elementsOf(tool["tools"], "tools")
}

export const storedIds: StoredIds = {
  places: PLACES,
  mayHold: (body) =>
    hasMember(body, "previous_response_id") ||
    hasMember(body, "conversation") ||
    memberMentions(body, "prompt_cache_options", COMPARED) ||
    mentions(body, ["input", "tools", "conversation", "prompt"], HELD) ||
    holdsBareReference(body),
  held: (body) => idsAt(body, PLACES, nestedTools),
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

/** Only elements with an id are looked at, and only those that may be no more than it are read. */
function holdsBareReference({ bytes, members, elements, types, ids }: ScannedObject): boolean {
  const json = searchable(bytes)
  const input = members.filter(({ key }) => key === "input")
  return input.some(({ start, end }) => {
    for (let index = indexFrom(ids, start); (ids[index] ?? end) < end; index++) {
      const next = indexFrom(elements, ids[index] ?? 0)
      const [element, behind] = [elements[next - 1] ?? 0, Math.min(end, elements[next] ?? end)]
      const type = types[indexFrom(types, element)] ?? end
      if (type < behind && bytes[type] !== NULL && countWithin(types, element, behind) === 1) {
        if (countWithin(ids, element, behind) > 1) return true
        if (!mayHaveWords(json, type) || !WORDS.has(stringAt(json, type, endOf(json, type)))) continue
        if (!hasWords(json, element)) return true
      } else if (isReference(asObject(JSON.parse(utf8(bytes, element, endOf(json, element)))))) return true
    }
    return false
  })
}

const FIRST_LETTERS: ReadonlySet<number> = new Set(
  [...WORDS.keys()].map((type) => Buffer.from(String(type)).readInt16LE()),
)
const BACKSLASH = 92

/** By the first two letters of the type, whose opening quote stands at `at`: most items are messages and calls. */
function mayHaveWords(json: Buffer, at: number): boolean {
  const [first = 0, second = 0] = [json[at + 1], json[at + 2]]
  return FIRST_LETTERS.has(first | (second << 8)) || first === BACKSLASH || second === BACKSLASH
}

const WORD_NAMES: ReadonlySet<string> = new Set(WORDS.values())
const OPEN = new Set(Buffer.from('"[{'))

/** Is a member of these names there, once, with something in it? Without words, or with a name said twice, all is read. */
function hasWords(json: Buffer, element: number): boolean {
  let [filled, all] = [0, 0]
  eachMember(json, element, (key, value) => {
    const end = endOf(json, value)
    if (WORD_NAMES.has(key)) {
      all++
      if (OPEN.has(json[value] ?? 0) && end - value > 2) filled++
    }
    return end
  })
  return all === 1 && filled === 1
}

/**
 * Does the item say no more than an id? `{"id": …}` without a type is a reference, too.
 * https://platform.openai.com/docs/api-reference/responses/create
 */
export function isReference(item: Loose | null): boolean {
  const type = item?.["type"] ?? null
  if (item === null || type === "item_reference") return item !== null
  if (type === null) return item["role"] === undefined && item["id"] !== undefined
  return BARE.has(type) && lacksWords(item) && !showsThinking(item)
}

/** Does the item say something, and yet less than what the provider may have stored under its id? */
function isStep(item: Loose): boolean {
  return lacksWords(item) && (STEPS.has(item["type"]) || showsThinking(item))
}

function lacksWords(item: Loose): boolean {
  const words = WORDS.get(item["type"])
  if (words === undefined || typeof item["id"] !== "string") return false
  const said = item[words] ?? ""
  return said === "" || (Array.isArray(said) && said.length === 0)
}

/** Open models show their thinking as it is; their servers read it, and store nothing. */
function showsThinking(item: Loose): boolean {
  return item["type"] === "reasoning" && asArray(item["content"]).length > 0
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
