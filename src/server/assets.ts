/** The product's documentation under `/docs/`: the same from a checkout and from the binary. */
import { promisify } from "node:util"
import { gzip } from "node:zlib"
import { acceptedEncodings } from "../console/assets.ts"
import type { Incoming, Outgoing } from "../pipeline/message.ts"
import { documentPage, INDEX_PATH, markdownPath, pathOf, SCRIPT_PATH, STYLE_PATH } from "./document-page.ts"
import { llmsText, searchIndex } from "./document-index.ts"
import { SCRIPT } from "./document-script.ts"
import { STYLE } from "./document-style.ts"
import { DOCUMENTS } from "./documents.ts"

/** Nothing but our own style sheet, script and index is ever loaded, no text becomes script, and no page can be framed or post anywhere. */
const HEADERS: Readonly<Record<string, string>> = {
  "content-security-policy":
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cache-control": "no-cache",
  vary: "accept-encoding",
}

interface Asset {
  readonly contentType: string
  /** Made when it is first asked for. */
  readonly body: () => Promise<Body>
}

interface Body {
  readonly plain: Uint8Array
  readonly gzip: Uint8Array
}

const ASSETS: ReadonlyMap<string, Asset> = new Map([
  asset(STYLE_PATH, "text/css; charset=utf-8", () => STYLE),
  asset(SCRIPT_PATH, "text/javascript; charset=utf-8", () => SCRIPT),
  asset(INDEX_PATH, "application/json", searchIndex),
  asset("/docs/llms.txt", "text/plain; charset=utf-8", llmsText),
  asset("/llms.txt", "text/plain; charset=utf-8", llmsText),
  ...DOCUMENTS.flatMap((document) => [
    asset(pathOf(document), "text/html; charset=utf-8", () => documentPage(document)),
    asset(markdownPath(document), "text/markdown; charset=utf-8", () => document.text),
  ]),
])

function asset(path: string, contentType: string, text: () => string | Promise<string>): [string, Asset] {
  let body: Promise<Body> | undefined
  return [path, { contentType, body: () => (body ??= bodyOf(text)) }]
}

async function bodyOf(text: () => string | Promise<string>): Promise<Body> {
  const plain = new TextEncoder().encode(await text())
  return { plain, gzip: await promisify(gzip)(plain) }
}

/**
 * The answer to `GET` of a path below `/docs` or of `/llms.txt`, null where nothing is. Paths are looked up in a fixed
 * table and never touch a file system. `/docs/<page>.md` is the page's Markdown.
 */
export function docsAnswer({ path, headers }: Pick<Incoming, "path" | "headers">): (() => Promise<Outgoing>) | null {
  if (path === "/docs") return async () => ({ status: 308, headers: { location: "/docs/" }, body: "" })
  const found = ASSETS.get(path)
  if (found === undefined) return null
  return async () => {
    const body = await found.body()
    const plain = { ...HEADERS, "content-type": found.contentType }
    return acceptedEncodings(headers.get("accept-encoding") ?? "").has("gzip")
      ? { status: 200, headers: { ...plain, "content-encoding": "gzip" }, body: body.gzip }
      : { status: 200, headers: plain, body: body.plain }
  }
}
