/** Adds entries to the lists of a configuration file by editing its text: comments and layout stay as they are. */
import { isMap, isScalar, isSeq, parseDocument, type Node, type Pair, type YAMLSeq } from "yaml"

/** One list entry: keys with their values as YAML. */
export type ListEntry = readonly (readonly [key: string, yaml: string])[]

/** The text with the entry at the end of the top-level list `section`; null where the file's form does not allow it. */
export function appendEntry(text: string, section: string, entry: ListEntry): string | null {
  const document = parseDocument(text, { uniqueKeys: false })
  const { contents } = document
  if (document.errors.length > 0) return null
  if (contents === null) return `${withLineEnd(text)}${newSection(section, entry)}`
  if (!isMap(contents) || contents.flow === true) return null
  const pair = contents.items.find(({ key }) => isScalar(key) && key.value === section)
  if (pair === undefined) return endsOpen(text) ? `${withLineEnd(text)}${newSection(section, entry)}` : null
  return appendToPair(text, pair, entry)
}

function appendToPair(text: string, { key, value }: Pair<Node, Node | null>, entry: ListEntry): string | null {
  const indentation = columnOf(text, key.range?.[0] ?? 0)
  const empty = value === null || (isScalar(value) && value.value === null && value.source === "")
  if (empty) return insertLines(text, key.range?.[1] ?? 0, blockLines(entry, indentation + 2))
  if (!isSeq(value) || !value.range || value.anchor !== undefined) return null
  const [start, end] = value.range
  if (value.flow !== true) return insertLines(text, lastContent(text, value), blockLines(entry, columnOf(text, start)))
  if (value.items.length === 0) {
    const before = text.slice(0, start).trimEnd()
    return insertLines(before + text.slice(end), before.length, blockLines(entry, indentation + 2))
  }
  const last = (value.items.at(-1) as Node | null)?.range?.[1]
  return last === undefined ? null : `${text.slice(0, last)}, ${flowEntry(entry)}${text.slice(last)}`
}

/** Where the last value of a block list ends, trailing comments and blank lines left out. */
function lastContent(text: string, list: YAMLSeq): number {
  const end = (list.items.at(-1) as Node | null)?.range?.[1] ?? list.range?.[1] ?? text.length
  return text.slice(0, end).trimEnd().length
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
