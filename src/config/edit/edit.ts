/** Changes a configuration file by editing its text: comments and layout stay as they are. */
import { isDeepStrictEqual } from "node:util"
import { isMap, isScalar, isSeq, parse, parseDocument, type Node } from "yaml"
import { setEntries, type MapEntry } from "./entries.ts"
import {
  addToMap,
  blockLines,
  columnOf,
  contentEnd,
  flowEntry,
  insertLines,
  mapAt,
  pairOf,
  type ListEntry,
  type MapPair,
  type NewPair,
} from "./nodes.ts"

/** Keys and positions, from the top of the file. */
export type EditPath = readonly [string, ...(readonly (string | number)[])]

export type Edit =
  /** A further entry of the list at `path`. */
  | { readonly path: EditPath; readonly entry: ListEntry }
  /** A value of the mapping at `path`. */
  | { readonly path: EditPath; readonly key: string; readonly yaml: string }
  /** Further mappings in the mapping at `path`, which may be missing. */
  | { readonly path: EditPath; readonly entries: readonly MapEntry[] }

/**
 * The text with all edits; null where its form does not allow one of them. What the text then means is compared with the
 * same edits made on the values, so that a form that nobody thought of cannot change anything else.
 */
export function applyEdits(text: string, edits: readonly Edit[]): string | null {
  let edited: string | null = text
  for (const edit of edits) {
    if (edited === null) return null
    edited = applyEdit(edited, edit)
  }
  if (edited === null) return null
  const expected = valuesOf(text)
  for (const edit of edits) editValues(expected, edit)
  return isDeepStrictEqual(valuesOf(edited), expected) ? edited : null
}

function applyEdit(text: string, edit: Edit): string | null {
  if ("entry" in edit) return appendEntry(text, edit.path, edit.entry)
  if ("entries" in edit) return setEntries(text, edit.path, edit.entries)
  return setKey(text, edit.path, edit.key, edit.yaml)
}

interface Values {
  [step: string | number]: unknown
}

function valuesOf(text: string): Values {
  return (parse(text, { uniqueKeys: false }) as Values | null) ?? {}
}

function editValues(root: Values, edit: Edit): void {
  let place = root
  for (const step of "key" in edit ? edit.path : edit.path.slice(0, -1)) place = place[step] as Values
  if ("key" in edit) {
    place[edit.key] = parse(edit.yaml)
    return
  }
  const key = edit.path.at(-1) ?? ""
  if ("entries" in edit) {
    const added = edit.entries.map(([name, pairs]): [string, object] => [name, entryValue(pairs)])
    place[key] = { ...(place[key] as object | null), ...Object.fromEntries(added) }
    return
  }
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
  if (isScalar(value)) {
    if (!value.range || value.anchor !== undefined || value.type?.startsWith("BLOCK") === true) return null
    const [start, end] = value.range
    return start === end ? null : text.slice(0, start) + yaml + text.slice(end)
  }
  return isSeq<Node | null>(value) && yaml.startsWith("[") ? replaceList(text, pair, yaml) : null
}

/** A list in place of a list; null where a comment would be lost. */
function replaceList(text: string, { key, value }: MapPair, yaml: string): string | null {
  if (value === null || !value.range || !isSeq<Node | null>(value) || value.anchor !== undefined) return null
  const start = value.flow === true ? value.range[0] : (key.range?.[1] ?? 0) + 1
  const end = value.flow === true ? value.range[1] : contentEnd(text, value)
  if (text.slice(start, end).includes("#")) return null
  return `${text.slice(0, start)}${value.flow === true ? "" : " "}${yaml}${text.slice(end)}`
}

function newList(key: string, entry: ListEntry): NewPair {
  return {
    flow: `${key}: [${flowEntry(entry)}]`,
    block: (indentation) => `${" ".repeat(indentation)}${key}:\n${blockLines(entry, indentation + 2)}`,
  }
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

/** The entry in the form in which people paste it, e.g. under `callers:`. */
export function entryLines(entry: ListEntry): string {
  return blockLines(entry, 2)
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
