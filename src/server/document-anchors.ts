/** Anchors of a rendered document: at each heading, and at each row of a table whose first column is "key". */
import { keyAnchor } from "../config/schema/described.ts"

export interface Heading {
  readonly level: number
  readonly anchor: string
  readonly html: string
}

/** Headings get the anchors that GitHub gives them, so that a link works in both places. Rows of keys get the key's path. */
export function withAnchors(html: string): { readonly html: string; readonly headings: readonly Heading[] } {
  const used = new Map<string, number>()
  const headings: Heading[] = []
  const anchored = html.replaceAll(/<h([1-6])>(.*?)<\/h\1>/gsu, (_, level: string, inner: string) => {
    const plain = headingAnchor(textOf(inner))
    const before = used.get(plain) ?? 0
    used.set(plain, before + 1)
    const anchor = `${plain}${before === 0 ? "" : `-${before}`}`
    headings.push({ level: Number(level), anchor, html: inner })
    return `<h${level} id="${anchor}">${inner}</h${level}>`
  })
  return { html: withKeyAnchors(anchored, used), headings }
}

/** The anchor of a heading, without what tells equal ones apart. */
export function headingAnchor(text: string): string {
  return text
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}_ -]/gu, "")
    .replaceAll(" ", "-")
}

const KEY_TABLE =
  /<h[1-6] id="[^"]*">(?<heading>.*?)<\/h[1-6]>|<table>\n?<thead>\n?<tr>\n?<th[^>]*>key<\/th>.*?<\/table>/gsu

/** @param used anchors of headings: a block that has a heading of the same name is linked there */
function withKeyAnchors(html: string, used: ReadonlyMap<string, number>): string {
  let block = ""
  return html.replaceAll(KEY_TABLE, (whole: string, heading: string | undefined) => {
    if (heading !== undefined) {
      block = /^<code>(.*)<\/code>$/su.exec(heading)?.[1] ?? ""
      return whole
    }
    return whole.replaceAll(
      /<tr>(\s*<td[^>]*><code>)([^<]*)(<\/code>)/gu,
      (_, before: string, key: string, after: string) => {
        const anchor = keyAnchor(unescaped(block === "" ? key : `${block}.${key}`))
        const id = used.has(anchor) ? "" : ` id="${Bun.escapeHTML(anchor)}"`
        return `<tr${id}>${before}${key}${after}`
      },
    )
  })
}

/** Tables scroll in a box of their own; each cell names its column, for screens where a row becomes a block. */
export function labelled(html: string): string {
  return html.replaceAll(/<table>.*?<\/table>/gsu, (table) => {
    const columns = [...table.matchAll(/<th\b[^>]*>(.*?)<\/th>/gsu)].map(([, inner = ""]) => textOf(inner))
    const rows = table.replaceAll(/<tr\b[^>]*>.*?<\/tr>/gsu, (row) => {
      let column = 0
      return row.replaceAll(/<td\b/gu, () => {
        const name = columns[column] ?? ""
        column += 1
        return name === "" ? "<td" : `<td data-label="${Bun.escapeHTML(name)}"`
      })
    })
    const named = rows.replaceAll(/<th\b[^>]*><\/th>/gu, "<td></td>")
    return `<div class="table" tabindex="0" role="group" aria-label="Table">${named}</div>`
  })
}

/** The words of rendered HTML. */
export function textOf(html: string): string {
  return unescaped(html.replaceAll(/<[^>]*>/gu, ""))
}

const ENTITIES: Readonly<Record<string, string>> = { lt: "<", gt: ">", quot: '"', amp: "&", "#39": "'", "#x27": "'" }

function unescaped(text: string): string {
  return text.replaceAll(/&(lt|gt|quot|amp|#39|#x27);/gu, (_, name: string) => ENTITIES[name] ?? "")
}
