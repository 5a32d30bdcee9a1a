/** Changes a configuration file by editing its text: comments and layout stay as they are. */
import { isDeepStrictEqual } from "node:util"
import {
  isCollection,
  isMap,
  isNode,
  isPair,
  isScalar,
  isSeq,
  parse,
  parseDocument,
  type Node,
  type Pair,
  type YAMLMap,
} from "yaml"

/** One list entry: keys with their values as YAML. */
export type ListEntry = readonly (readonly [key: string, yaml: string])[]

/** Keys and positions, from the top of the file. */
export type EditPath = readonly [string, ...(readonly (string | number)[])]

export type Edit =
  /** A further entry of the list at `path`. */
  | { readonly path: EditPath; readonly entry: ListEntry }
  /** A value of the mapping at `path`. */
  | { readonly path: EditPath; readonly key: string; readonly yaml: string }

type MapPair = Pair<Node, Node | null>

/**
 * The text with all edits; null where its form does not allow one of them. What the text then means is compared with the
 * same edits made on the values, so that a form that nobody thought of cannot change anything else.
 */
export function applyEdits(text: string, edits: readonly Edit[]): string | null {
  let edited: string | null = text
  for (const edit of edits) {
    if (edited === null) return null
    edited =
      "entry" in edit ? appendEntry(edited, edit.path, edit.entry) : setKey(edited, edit.path, edit.key, edit.yaml)
  }
  if (edited === null) return null
  const expected = valuesOf(text)
  for (const edit of edits) editValues(expected, edit)
  return isDeepStrictEqual(valuesOf(edited), expected) ? edited : null
}

interface Values {
  [step: string | number]: unknown
}

function valuesOf(text: string): Values {
  return (parse(text, { uniqueKeys: false }) as Values | null) ?? {}
}

function editValues(root: Values, edit: Edit): void {
  let place = root
  for (const step of "entry" in edit ? edit.path.slice(0, -1) : edit.path) place = place[step] as Values
  if (!("entry" in edit)) {
    place[edit.key] = parse(edit.yaml)
    return
  }
  const key = edit.path.at(-1) ?? ""
  place[key] = [...((place[key] as readonly unknown[] | null | undefined) ?? []), entryValue(edit.entry)]
}

/**
 * A callers file with all edits: their paths begin with `callers_file` and the number of a line, from 0. A new caller gets
 * a line at the end.
 */
export function applyLineEdits(text: string, edits: readonly Edit[]): string {
  const lines = text.split("\n")
  for (const edit of edits) {
    const [list, index] = edit.path
    if ("entry" in edit && index === undefined) {
      if (lines.at(-1)?.trim() === "") lines.pop()
      lines.push(JSON.stringify(entryValue(edit.entry)), "")
    } else {
      const value: unknown = JSON.parse(lines[Number(index)] ?? "")
      editValues({ [list]: { [Number(index)]: value } }, edit)
      lines[Number(index)] = JSON.stringify(value)
    }
  }
  return lines.join("\n")
}

function entryValue(entry: ListEntry): object {
  return Object.fromEntries(entry.map(([name, yaml]): [string, unknown] => [name, parse(yaml)]))
}

/** The text with the entry at the end of the list at `path`; null where the file's form does not allow it. */
export function appendEntry(text: string, path: EditPath, entry: ListEntry): string | null {
  const document = parseDocument(text, { uniqueKeys: false })
  const { contents } = document
  if (document.errors.length > 0) return null
  const key = String(path.at(-1))
  if (path.length > 1) {
    const map = mapAt(contents, path.slice(0, -1))
    if (map === null) return null
    const pair = pairOf(map, key)
    return pair === undefined
      ? addToMap(text, map, newList(key, entry))
      : appendToPair(text, pair, entry, map.flow === true)
  }
  if (contents === null) return `${withLineEnd(text)}${newSection(key, entry)}`
  if (!isMap<Node, Node | null>(contents) || contents.flow === true) return null
  const pair = pairOf(contents, key)
  if (pair === undefined) return endsOpen(text) ? `${withLineEnd(text)}${newSection(key, entry)}` : null
  return appendToPair(text, pair, entry)
}

/** The text with `key: yaml` in the mapping at `path`, in place of the value there; null where the form does not allow it. */
export function setKey(text: string, path: EditPath, key: string, yaml: string): string | null {
  const document = parseDocument(text, { uniqueKeys: false })
  const map = document.errors.length > 0 ? null : mapAt(document.contents, path)
  if (map === null) return null
  const pair = pairOf(map, key)
  if (pair === undefined) {
    return addToMap(text, map, {
      flow: `${key}: ${yaml}`,
      block: (indentation) => `${" ".repeat(indentation)}${key}: ${yaml}\n`,
    })
  }
  const { value } = pair
  if (!isScalar(value) || !value.range || value.anchor !== undefined || value.type?.startsWith("BLOCK") === true)
    return null
  const [start, end] = value.range
  return start === end ? null : text.slice(0, start) + yaml + text.slice(end)
}

/** The mapping itself stands at the path: not an alias of one, and nothing else refers to it or to what it is in. */
function mapAt(contents: Node | null, path: readonly (string | number)[]): YAMLMap<Node, Node | null> | null {
  let node: Node | null | undefined = contents
  for (const step of path) {
    if (!isCollection(node) || node.anchor !== undefined) return null
    if (isMap<Node, Node | null>(node)) node = pairOf(node, String(step))?.value
    else node = isSeq<Node | null>(node) && typeof step === "number" ? node.items[step] : null
  }
  return isMap<Node, Node | null>(node) && node.anchor === undefined && node.items.length > 0 ? node : null
}

function pairOf(map: YAMLMap<Node, Node | null>, name: string): MapPair | undefined {
  return map.items.find(({ key }) => isScalar(key) && key.value === name)
}

interface NewPair {
  readonly flow: string
  readonly block: (indentation: number) => string
}

function newList(key: string, entry: ListEntry): NewPair {
  return {
    flow: `${key}: [${flowEntry(entry)}]`,
    block: (indentation) => `${" ".repeat(indentation)}${key}:\n${blockLines(entry, indentation + 2)}`,
  }
}

function addToMap(text: string, map: YAMLMap<Node, Node | null>, pair: NewPair): string | null {
  const last = map.items.at(-1)
  if (!map.range || last === undefined) return null
  const end = pairEnd(text, last)
  if (map.flow === true) return `${text.slice(0, end)}, ${pair.flow}${text.slice(end)}`
  return insertLines(text, end, pair.block(columnOf(text, map.range[0])))
}

/** Where the last content of a node ends, comments and blank lines behind it left out. */
function contentEnd(text: string, node: Node): number {
  const last = isCollection(node) && node.flow !== true ? node.items.at(-1) : undefined
  if (isPair<Node, Node | null>(last)) return pairEnd(text, last)
  if (isNode(last)) return contentEnd(text, last)
  return text.slice(0, node.range?.[1] ?? 0).trimEnd().length
}

function pairEnd(text: string, { key, value }: MapPair): number {
  return Math.max(key.range?.[1] ?? 0, value === null ? 0 : contentEnd(text, value))
}

function appendToPair(text: string, { key, value }: MapPair, entry: ListEntry, isInFlow = false): string | null {
  const indentation = columnOf(text, key.range?.[0] ?? 0)
  const empty = value === null || (isScalar(value) && value.value === null && value.source === "")
  if (empty && isInFlow) return null
  if (empty) return insertLines(text, key.range?.[1] ?? 0, blockLines(entry, indentation + 2))
  if (!isSeq<Node | null>(value) || !value.range || value.anchor !== undefined) return null
  const [start, end] = value.range
  if (value.flow !== true) return insertLines(text, contentEnd(text, value), blockLines(entry, columnOf(text, start)))
  const last = value.items.at(-1)?.range?.[1]
  if (last !== undefined) return `${text.slice(0, last)}, ${flowEntry(entry)}${text.slice(last)}`
  if (value.items.length > 0) return null
  if (isInFlow) return `${text.slice(0, start)}[${flowEntry(entry)}]${text.slice(end)}`
  const before = text.slice(0, start).trimEnd()
  return insertLines(before + text.slice(end), before.length, blockLines(entry, indentation + 2))
}

/** Puts lines after the line in which `offset` stands. */
function insertLines(text: string, offset: number, lines: string): string {
  const lineEnd = text.indexOf("\n", offset)
  if (lineEnd < 0) return `${text}\n${lines}`
  return text.slice(0, lineEnd + 1) + lines + text.slice(lineEnd + 1)
}

function blockLines(entry: ListEntry, indentation: number): string {
  const space = " ".repeat(indentation)
  return entry.map(([key, yaml], index) => `${space}${index === 0 ? "- " : "  "}${key}: ${yaml}\n`).join("")
}

/** The entry in the form in which people paste it, e.g. under `callers:`. */
export function entryLines(entry: ListEntry): string {
  return blockLines(entry, 2)
}

function flowEntry(entry: ListEntry): string {
  return `{ ${entry.map(([key, yaml]) => `${key}: ${yaml}`).join(", ")} }`
}

function newSection(section: string, entry: ListEntry): string {
  return `\n${section}:\n${blockLines(entry, 2)}`
}

function withLineEnd(text: string): string {
  return text === "" || text.endsWith("\n") ? text : `${text}\n`
}

/** Is the end of the text still inside the document (no `...` after it)? */
function endsOpen(text: string): boolean {
  return !/^\.\.\.\s*$/m.test(text)
}

function columnOf(text: string, offset: number): number {
  return offset - (text.lastIndexOf("\n", offset - 1) + 1)
}

/** A text as a YAML value on one line: plain where nothing can be misread, else in quotes. */
export function yamlText(value: string): string {
  const plain = /^[A-Za-z][A-Za-z0-9_.@/-]*$/.test(value) && !/^(true|false|null|yes|no|on|off)$/i.test(value)
  return plain ? value : JSON.stringify(value)
}
