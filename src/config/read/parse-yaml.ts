/** The YAML of the file as nodes, and its faults where they begin. */
import { isScalar, parseDocument, type Document, type ErrorCode, type Node, type Scalar, type YAMLError } from "yaml"
import { nodesOf } from "./nodes.ts"
import { syntaxMessage } from "./syntax.ts"
import type { Walk } from "./walk.ts"

/** After one of these the parser has lost its way: what it says further on is mostly a consequence. */
const LOST: ReadonlySet<ErrorCode> = new Set([
  "BAD_COLLECTION_TYPE",
  "BAD_INDENT",
  "BAD_SCALAR_START",
  "BLOCK_AS_IMPLICIT_KEY",
  "BLOCK_IN_FLOW",
  "IMPOSSIBLE",
  "KEY_OVER_1024_CHARS",
  "MISSING_CHAR",
  "MULTILINE_IMPLICIT_KEY",
  "TAB_AS_INDENT",
  "UNEXPECTED_TOKEN",
])

/** Null: there is nothing in the file. Undefined: it cannot be read, and why was reported. */
export function parseYaml(text: string, walk: Walk): Node | null | undefined {
  const document = parseDocument(text, {
    prettyErrors: false,
    uniqueKeys: false,
    version: "1.2",
    merge: false,
  })
  reportFaults(text, document, walk)
  const { explicit, version } = document.directives?.yaml ?? { explicit: false, version: "1.2" }
  if (explicit === true && version !== "1.2") {
    walk.report({ code: "yaml-syntax", path: [], message: "The file must be YAML 1.2." })
    return undefined
  }
  return document.errors.length > 0 ? undefined : document.contents
}

function reportFaults(text: string, document: Document, walk: Walk): void {
  const problems: readonly YAMLError[] = [...document.errors, ...document.warnings]
  const inOrder = problems.toSorted((left, right) => left.pos[0] - right.pos[0])
  const lost = inOrder.findIndex(({ code }) => LOST.has(code))
  for (const { code, pos } of lost < 0 ? inOrder : inOrder.slice(0, lost)) at(pos[0], syntaxMessage(code), walk)
  const first = inOrder[lost]
  if (first === undefined) return
  const quote = openQuote(text, document, first.pos[0])
  if (quote === null) at(first.pos[0], syntaxMessage(first.code), walk)
  else at(quote, "The text that begins with this quote does not end on its line: a closing quote is missing.", walk)
}

function at(offset: number, message: string, walk: Walk): void {
  const position = walk.positionAt(offset)
  walk.places.set([], { key: position, value: position })
  walk.report({ code: "yaml-syntax", path: [], message })
}

/** Where a quote opens whose text runs over the end of its line, before the parser loses its way. */
function openQuote(text: string, document: Document, lostAt: number): number | null {
  for (const node of nodesOf(document.contents))
    if (isScalar(node) && isOpen(node, text, lostAt)) return node.range?.[0] ?? null
  return null
}

function isOpen(node: Scalar, text: string, lostAt: number): boolean {
  if (node.type !== "QUOTE_DOUBLE" && node.type !== "QUOTE_SINGLE") return false
  const [start, end] = node.range ?? [0, 0]
  return start <= lostAt && text.slice(start, end).includes("\n")
}
