/** Where nodes of a YAML text stand, and how text is put beside them. */
import { isCollection, isMap, isNode, isPair, isScalar, isSeq, type Node, type Pair, type YAMLMap } from "yaml"

/** A mapping on one level: keys with their values as YAML. */
export type ListEntry = readonly (readonly [key: string, yaml: string])[]

export type MapPair = Pair<Node, Node | null>

/** The mapping itself stands at the path: not an alias of one, and nothing else refers to it or to what it is in. */
export function mapAt(contents: Node | null, path: readonly (string | number)[]): YAMLMap<Node, Node | null> | null {
  let node: Node | null | undefined = contents
  for (const step of path) {
    if (!isCollection(node) || node.anchor !== undefined) return null
    if (isMap<Node, Node | null>(node)) node = pairOf(node, String(step))?.value
    else node = isSeq<Node | null>(node) && typeof step === "number" ? node.items[step] : null
  }
  return isMap<Node, Node | null>(node) && node.anchor === undefined && node.items.length > 0 ? node : null
}

export function pairOf(map: YAMLMap<Node, Node | null>, name: string): MapPair | undefined {
  return map.items.find(({ key }) => isScalar(key) && key.value === name)
}

export interface NewPair {
  readonly flow: string
  readonly block: (indentation: number) => string
}

export function addToMap(text: string, map: YAMLMap<Node, Node | null>, pair: NewPair): string | null {
  const last = map.items.at(-1)
  if (!map.range || last === undefined) return null
  const end = pairEnd(text, last)
  if (map.flow === true) return `${text.slice(0, end)}, ${pair.flow}${text.slice(end)}`
  const column = columnOf(text, map.range[0])
  return insertLines(text, commentsEnd(text, end, column), pair.block(column))
}

/** Where the comments end that stand below `offset` and deeper than `column`: they are about what stands there. */
function commentsEnd(text: string, offset: number, column: number): number {
  let end = offset
  for (let at = text.indexOf("\n", offset) + 1; at > 0; at = text.indexOf("\n", at) + 1) {
    const [, space = "", mark] = /^([ \t]*)(#?)/.exec(text.slice(at, at + MOST_INDENTATION)) ?? []
    if (mark !== "#" || space.length <= column) break
    end = at + space.length
  }
  return end
}

const MOST_INDENTATION = 256

/** Where the last content of a node ends, comments and blank lines behind it left out. */
export function contentEnd(text: string, node: Node): number {
  const last = isCollection(node) && node.flow !== true ? node.items.at(-1) : undefined
  if (isPair<Node, Node | null>(last)) return pairEnd(text, last)
  if (isNode(last)) return contentEnd(text, last)
  return text.slice(0, node.range?.[1] ?? 0).trimEnd().length
}

function pairEnd(text: string, { key, value }: MapPair): number {
  return Math.max(key.range?.[1] ?? 0, value === null ? 0 : contentEnd(text, value))
}

/** Puts lines after the line in which `offset` stands. */
export function insertLines(text: string, offset: number, lines: string): string {
  const lineEnd = text.indexOf("\n", offset)
  if (lineEnd < 0) return `${text}\n${lines}`
  return text.slice(0, lineEnd + 1) + lines + text.slice(lineEnd + 1)
}

export function blockLines(entry: ListEntry, indentation: number): string {
  const space = " ".repeat(indentation)
  return entry.map(([key, yaml], index) => `${space}${index === 0 ? "- " : "  "}${key}: ${yaml}\n`).join("")
}

export function flowEntry(entry: ListEntry): string {
  return `{ ${entry.map(([key, yaml]) => `${key}: ${yaml}`).join(", ")} }`
}

export function columnOf(text: string, offset: number): number {
  return offset - (text.lastIndexOf("\n", offset - 1) + 1)
}

/** A text as a YAML value on one line: plain where nothing can be misread, else in quotes. */
export function yamlText(value: string): string {
  const plain = /^[A-Za-z][A-Za-z0-9_.@/-]*$/.test(value) && !/^(true|false|null|yes|no|on|off)$/i.test(value)
  return plain ? value : JSON.stringify(value)
}

/** Nothing stands there: no value, or an empty mapping. */
export function isEmptyMap(value: Node | null): boolean {
  if (value === null) return true
  if (isScalar(value)) return value.value === null && value.source === ""
  return isMap(value) && value.items.length === 0 && value.anchor === undefined
}
