/**
 * Long lists of a large file, such as ten thousand callers, are parsed a few items at a time: what the YAML parser builds
 * of such a file is a hundred times its size, and to clear that away takes longer than the parsing.
 */
import { Composer, isMap, isScalar, isSeq, Parser, type Document, type Node } from "yaml"

/** A list under a key at the left edge of the file. All numbers are offsets. */
export interface LongList {
  readonly key: number
  /** Of the first item. */
  readonly start: number
  /** Where each piece begins, which is some whole items. */
  readonly pieces: readonly number[]
  readonly end: number
}

/** What the file holds beside its long lists, whose keys have nothing behind them here. */
export interface Outline {
  readonly contents: Node | null
  readonly lists: readonly LongList[]
}

/** Read as a whole, the text says what is wrong with it, or nothing is. */
export class NotInPieces extends Error {
  /** The offset of the first problem; null: it stands nowhere in particular. */
  readonly at: number | null

  constructor(at: number | null = null) {
    super("the text cannot be read in pieces")
    this.at = at
  }
}

/** In characters: the longest text that is read as a whole, which takes a hundred times as many bytes of memory. */
export const LONGEST_WHOLE_TEXT: number = 16 << 20

/** In characters. */
export interface PieceBounds {
  readonly shortestList: number
  readonly shortestPiece: number
}

export const PIECE_BOUNDS: PieceBounds = { shortestList: 65_536, shortestPiece: 16_384 }

const BARE_DASH = /^ *-[ \t]*(?:#[^\n]*)?\r?$/
const KEY = /^[A-Za-z_]+:[ \t]*(?:#[^\n]*)?\r?$/
const ITEM = /^ *-(?:[ \t\r]|$)/

/** Null: it has no long list. Throws `NotInPieces`. */
export function outlineOf(text: string, bounds: PieceBounds): Outline | null {
  const lists = longLists(text, bounds)
  if (lists.length === 0) return null
  let outline = ""
  let at = 0
  for (const { pieces, end } of lists) {
    const from = pieces[0] ?? end
    outline += `${text.slice(at, from)}${" ".repeat(end - from - 1)}\n`
    at = end
  }
  const document = parsed(outline + text.slice(at), 0)
  const { contents, directives } = document
  const isPlain = directives?.yaml.explicit !== true && isMap(contents) && contents.flow !== true
  const keys = isPlain ? contents.items.filter(({ value }) => isScalar(value) && value.source === "") : []
  const found = new Set(keys.map(({ key }) => (isScalar(key) ? key.range?.[0] : undefined)))
  if (!lists.every(({ key }) => found.has(key))) throw new NotInPieces()
  return { contents, lists }
}

/** The items of one piece of a list. Throws `NotInPieces`. */
export function itemsOf(list: LongList, piece: number, text: string): readonly (Node | null)[] {
  const start = list.pieces[piece] ?? list.end
  const { contents } = parsed(text.slice(start, list.pieces[piece + 1] ?? list.end), start)
  if (!isSeq(contents) || contents.flow === true || contents.anchor !== undefined || contents.tag !== undefined)
    throw new NotInPieces()
  return contents.items
}

export function* allItemsOf(list: LongList, text: string): Generator<Node | null> {
  for (const piece of list.pieces.keys()) yield* itemsOf(list, piece, text)
}

/** Offsets are those of the file, in which the text begins at `offset`. */
function parsed(text: string, offset: number): Document.Parsed {
  const parser = new Parser()
  parser.offset = offset
  const composer = new Composer({ prettyErrors: false, uniqueKeys: false, version: "1.2", merge: false })
  const [document, ...others] = composer.compose(parser.parse(text), true, offset + text.length)
  if (document === undefined || others.length > 0) throw new NotInPieces(offset)
  const problem = document.errors[0] ?? document.warnings[0]
  if (problem !== undefined) throw new NotInPieces(problem.pos[0])
  return document
}

function longLists(text: string, { shortestList, shortestPiece }: PieceBounds): readonly LongList[] {
  const lists: LongList[] = []
  let at = 0
  while (at < text.length) {
    const end = endOfLine(text, at)
    const list = text[at] !== " " && KEY.test(text.slice(at, end - 1)) ? listBehind(text, at, end, shortestPiece) : null
    if (list !== null && list.end - list.start >= shortestList) lists.push(list)
    at = list?.end ?? end
  }
  return lists
}

/** Null: what follows the line of the key is no list whose items all begin in one column. */
function listBehind(text: string, key: number, from: number, shortestPiece: number): LongList | null {
  const pieces: number[] = []
  let [indent, start, end] = [-1, from, from]
  let isBare = false
  for (let at = from; at < text.length;) {
    const next = endOfLine(text, at)
    const line = text.slice(at, next - 1)
    const content = line.search(/[^ ]/)
    const isEmpty = /^[ \t\r]*(?:#|$)/.test(line)
    if (!isEmpty && line[content] === "\t") throw new NotInPieces()
    // a comment between the dash of an item and the item: where it may stand depends on what is around
    if (isEmpty && isBare && content >= 0 && line[content] === "#") throw new NotInPieces()
    if (!isEmpty) isBare = BARE_DASH.test(line)
    if (!isEmpty && (indent < 0 || content <= indent)) {
      if (!ITEM.test(line) || (indent >= 0 && content < indent)) {
        if (content > 0) return null
        break
      }
      if (indent < 0) [indent, start] = [content, at + content]
      if (pieces.length === 0) pieces.push(from)
      else if (at - (pieces.at(-1) ?? 0) >= shortestPiece) pieces.push(at)
    }
    at = next
    end = Math.min(next, text.length)
  }
  return indent < 0 ? null : { key, start, pieces, end }
}

/** Behind the line break. */
function endOfLine(text: string, at: number): number {
  const found = text.indexOf("\n", at)
  return found < 0 ? text.length + 1 : found + 1
}
