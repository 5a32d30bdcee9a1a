/** The product's documentation under `/docs/`: the same from a checkout and from the binary. */
import { documentPage, pathOf, STYLE, STYLE_PATH } from "./document-page.ts"
import { DOCUMENTS } from "./documents.ts"

/** Nothing but our own style sheet is ever loaded, and no page can be framed or post anywhere. */
const HEADERS: Readonly<Record<string, string>> = {
  "content-security-policy":
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cache-control": "no-cache",
}

interface Asset {
  readonly contentType: string
  /** Rendered when it is first asked for. */
  readonly body: () => string
}

const ASSETS: ReadonlyMap<string, Asset> = new Map([
  [STYLE_PATH, { contentType: "text/css; charset=utf-8", body: () => STYLE }],
  ...DOCUMENTS.flatMap((document): [string, Asset][] => {
    let page: string | undefined
    return [
      [pathOf(document), { contentType: "text/html; charset=utf-8", body: () => (page ??= documentPage(document)) }],
      [markdownPath(document.slug), { contentType: "text/markdown; charset=utf-8", body: () => document.text }],
    ]
  }),
])

/**
 * The answer to `GET` of a path below `/docs`, null where nothing is. Paths are looked up in a fixed table and never
 * touch a file system. `/docs/<page>.md` is the page's Markdown.
 */
export function serveDocs(path: string): Response | null {
  if (path === "/docs") return new Response(null, { status: 308, headers: { location: "/docs/" } })
  const asset = ASSETS.get(path)
  if (asset === undefined) return null
  return new Response(asset.body(), { headers: { ...HEADERS, "content-type": asset.contentType } })
}

function markdownPath(slug: string): string {
  return `/docs/${slug === "" ? "README" : slug}.md`
}
