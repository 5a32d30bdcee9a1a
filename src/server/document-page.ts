/** Markdown to a page that works without scripts and without anything from elsewhere. */
import { posix } from "node:path"
import { type Document, DOCUMENTS } from "./documents.ts"

export const STYLE_PATH = "/docs/style.css"

/** The whole HTML page of a document. */
export function documentPage(document: Document): string {
  const html = Bun.markdown.html(withoutPictures(document.text), {
    autolinks: { url: true },
    noHtmlBlocks: true,
    noHtmlSpans: true,
  })
  const body = withLinks(document, withAnchors(html))
  const menu = DOCUMENTS.map((other) => {
    const current = other === document ? ' aria-current="page"' : ""
    return `<li><a href="${pathOf(other)}"${current}>${Bun.escapeHTML(other.title)}</a></li>`
  })
  return [
    "<!doctype html>",
    '<html lang="en">',
    "<head>",
    '<meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    `<title>${Bun.escapeHTML(document.title)} - smart-router</title>`,
    `<link rel="stylesheet" href="${STYLE_PATH}">`,
    "</head>",
    "<body>",
    `<nav aria-label="Documents"><p>smart-router</p><ul>${menu.join("")}</ul></nav>`,
    `<main>${body}</main>`,
    "</body>",
    "</html>",
    "",
  ].join("\n")
}

/** Pictures are for readers of the repository: whoever reads this can look at the pages themselves. */
function withoutPictures(text: string): string {
  return text.replaceAll(/^!\[[^\]]*\]\([^)]*\)$/gmu, "")
}

export function pathOf(document: Document): string {
  return `/docs/${document.slug}`
}

/** Headings get the anchors that GitHub gives them, so that a link works in both places. */
function withAnchors(html: string): string {
  const used = new Map<string, number>()
  return html.replaceAll(/<h([1-6])>(.*?)<\/h\1>/gsu, (_, level: string, inner: string) => {
    const anchor = inner
      .replaceAll(/<[^>]*>|&[a-z]+;/gu, "")
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}_ -]/gu, "")
      .replaceAll(" ", "-")
    const before = used.get(anchor) ?? 0
    used.set(anchor, before + 1)
    return `<h${level} id="${anchor}${before === 0 ? "" : `-${before}`}">${inner}</h${level}>`
  })
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

export const STYLE = `:root { color-scheme: light dark; --ink: #1d2127; --faint: #5c6570; --paper: #fff; --well: #f3f5f7; --line: #d9dee3; --link: #0b5cad }
@media (prefers-color-scheme: dark) {
  :root { --ink: #dde3e9; --faint: #97a2ae; --paper: #14181c; --well: #1e242a; --line: #323a42; --link: #7ab8f5 }
}
* { box-sizing: border-box }
body { margin: 0; display: grid; grid-template-columns: 15rem minmax(0, 1fr); color: var(--ink); background: var(--paper);
  font: 16px/1.6 system-ui, sans-serif }
nav { position: sticky; top: 0; height: 100vh; overflow: auto; padding: 1.5rem 1rem; background: var(--well); border-right: 1px solid var(--line) }
nav p { margin: 0 .5rem .75rem; font-weight: 700 }
nav ul { list-style: none; margin: 0; padding: 0 }
nav a { display: block; padding: .25rem .5rem; border-radius: .25rem; color: var(--ink); text-decoration: none }
nav a:hover { text-decoration: underline }
nav a[aria-current] { background: var(--link); color: var(--paper) }
main { max-width: 54rem; padding: 1.5rem 2.5rem 4rem; min-width: 0 }
h1, h2, h3 { line-height: 1.25; margin: 2em 0 .6em }
h1 { margin-top: 0; font-size: 1.9rem }
h2 { padding-bottom: .25em; border-bottom: 1px solid var(--line) }
a { color: var(--link) }
code { font: .875em/1.5 ui-monospace, monospace; background: var(--well); padding: .1em .3em; border-radius: .2em }
pre { background: var(--well); border: 1px solid var(--line); border-radius: .35rem; padding: .8rem 1rem; overflow-x: auto }
pre code { background: none; padding: 0 }
table { border-collapse: collapse; display: block; overflow-x: auto; margin: 1em 0 }
th, td { border: 1px solid var(--line); padding: .35rem .6rem; text-align: left; vertical-align: top }
th { background: var(--well) }
blockquote { margin: 1em 0; padding: 0 1rem; border-left: .25rem solid var(--line); color: var(--faint) }
@media (max-width: 48rem) {
  body { grid-template-columns: minmax(0, 1fr) }
  nav { position: static; height: auto; border-right: 0; border-bottom: 1px solid var(--line) }
  main { padding: 1rem }
}
@media print { nav { display: none } body { display: block } }
`
