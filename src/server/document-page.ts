/** Markdown to a page that works without scripts and without anything from elsewhere. */
import { posix } from "node:path"
import { type Document, DOCUMENTS, type MenuPart, MENU } from "./documents.ts"
import { labelled, type Heading, withAnchors } from "./document-anchors.ts"

export const STYLE_PATH = "/docs/style.css"
export const SCRIPT_PATH = "/docs/script.js"
export const INDEX_PATH = "/docs/search.json"

export interface DocumentBody {
  readonly html: string
  readonly headings: readonly Heading[]
}

/** What the document says, with an anchor at each heading and at each row of a table of keys. */
export function documentBody(document: Document): DocumentBody {
  const rendered = Bun.markdown.html(withoutPictures(document.text), {
    autolinks: { url: true },
    noHtmlBlocks: true,
    noHtmlSpans: true,
  })
  const { html, headings } = withAnchors(rendered)
  return { html: withLinks(document, labelled(html)), headings }
}

/** The whole HTML page of a document. */
export function documentPage(document: Document): string {
  const { html, headings } = documentBody(document)
  const contents = contentsOf(headings)
  const menu = MENU.map((part) => menuPart(part, document)).join("")
  const title = Bun.escapeHTML(document.title)
  return [
    "<!doctype html>",
    '<html lang="en">',
    "<head>",
    '<meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    `<title>${title} - smart-router</title>`,
    `<link rel="stylesheet" href="${STYLE_PATH}">`,
    `<script src="${SCRIPT_PATH}" defer></script>`,
    "</head>",
    "<body>",
    '<a class="skip" href="#content">Skip to the text</a>',
    `<header><a class="brand" href="/docs/">smart-router</a>`,
    `<search data-index="${INDEX_PATH}" hidden><input type="search" placeholder="Search (press /)" aria-label="Search the documents" autocomplete="off" spellcheck="false"><div class="found" role="region" aria-label="Found" aria-live="polite" hidden></div></search></header>`,
    `<details class="menu"><summary>Documents: ${title}</summary><nav aria-label="Documents">${menu}</nav></details>`,
    `<nav class="menu" aria-label="Documents">${menu}</nav>`,
    '<main id="content">',
    contents === "" ? "" : `<details class="contents"><summary>On this page</summary>${contents}</details>`,
    html,
    `<p class="source"><a href="${markdownPath(document)}">This page as Markdown</a></p></main>`,
    contents === "" ? "" : `<aside class="contents" aria-label="On this page"><p>On this page</p>${contents}</aside>`,
    "</body>",
    "</html>",
    "",
  ].join("\n")
}

export function pathOf(document: Pick<Document, "slug">): string {
  return `/docs/${document.slug}`
}

export function markdownPath({ slug }: Pick<Document, "slug">): string {
  return `/docs/${slug === "" ? "README" : slug}.md`
}

function menuPart({ heading, documents }: MenuPart, current: Document): string {
  const items = documents.map((document) => {
    const mark = document === current ? ' aria-current="page"' : ""
    return `<li><a href="${pathOf(document)}"${mark}>${Bun.escapeHTML(document.title)}</a></li>`
  })
  return `<p>${heading}</p><ul>${items.join("")}</ul>`
}

/** Two levels below the title; a single heading needs no table of contents. */
function contentsOf(headings: readonly Heading[]): string {
  const shown = headings.filter(({ level }) => level === 2 || level === 3)
  if (shown.length < 2) return ""
  const items = shown.map(({ level, anchor, html }) => {
    const words = html.replaceAll(/<\/?a\b[^>]*>/gu, "").replaceAll(/\.(?=\S)/gu, ".<wbr>")
    return `<li class="level${level}"><a href="#${anchor}">${words}</a></li>`
  })
  return `<ul>${items.join("")}</ul>`
}

/** Pictures and comments are for readers of the repository: whoever reads this can look at the pages themselves. */
function withoutPictures(text: string): string {
  return text.replaceAll(/^!\[[^\]]*\]\([^)]*\)$|^<!--.*-->$/gmu, "")
}

/** Links between documents lead to their pages; links into the source tree, which is not served, become plain text. */
function withLinks(from: Document, html: string): string {
  const folder = posix.dirname(from.file)
  return new HTMLRewriter()
    .on("a[href]", {
      element(link) {
        const href = link.getAttribute("href") ?? ""
        if (/^(?:https?:|mailto:|#)/u.test(href)) return
        const [file = "", anchor] = href.split("#")
        const target = DOCUMENTS.find((document) => document.file === posix.join(folder, file))
        if (target === undefined) link.removeAndKeepContent()
        else link.setAttribute("href", pathOf(target) + (anchor === undefined ? "" : `#${anchor}`))
      },
    })
    .transform(html)
}
