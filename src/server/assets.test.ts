import { describe, expect, test } from "bun:test"
import { readdirSync } from "node:fs"
import { join } from "node:path"
import { configSchema } from "../config/schema/config-schema.ts"
import { describedBlocks, keyAnchor, keyPath } from "../config/schema/described.ts"
import { formOf } from "../config/schema/inspect.ts"
import { docsAnswer } from "./assets.ts"
import { documentPage } from "./document-page.ts"
import { DOCUMENTS } from "./documents.ts"

const ROOT = join(import.meta.dir, "../..")

async function asked(path: string, encoding = ""): Promise<Response | null> {
  const answer = await docsAnswer({ path, headers: new Headers({ "accept-encoding": encoding }) })?.()
  if (answer === undefined) return null
  const { status, headers, body } = answer
  return new Response(body as Uint8Array<ArrayBuffer> | string, { status, headers: headers ?? {} })
}

async function page(path: string): Promise<string> {
  return (await (await asked(path))?.text()) ?? ""
}

describe("the served documentation:", () => {
  test("every document of the repository has a page and its Markdown", async () => {
    const files = ["docs", "docs/decisions"].flatMap((folder) =>
      readdirSync(join(ROOT, folder))
        .filter((name) => name.endsWith(".md"))
        .map((name) => `${folder}/${name}`),
    )
    expect(DOCUMENTS.map((document) => document.file)).toEqual(
      expect.arrayContaining([...files, "README.md", "ARCHITECTURE.md", "CHANGELOG.md"]),
    )
    for (const { slug, file } of DOCUMENTS) {
      expect(await page(`/docs/${slug}`)).toContain("<h1")
      expect(await page(`/docs/${slug === "" ? "README" : slug}.md`)).toBe(await Bun.file(join(ROOT, file)).text())
    }
  })

  test("links inside the pages lead to pages, and to headings that exist", async () => {
    let links = 0
    for (const { slug } of DOCUMENTS) {
      for (const [, href = ""] of (await page(`/docs/${slug}`)).matchAll(/<a href="([^"]*)"/gu)) {
        if (/^https?:/u.test(href)) continue
        const [path = "", anchor] = href.startsWith("#") ? [`/docs/${slug}`, href.slice(1)] : href.split("#")
        const target = await page(path)
        expect([slug, href, target !== ""]).toEqual([slug, href, true])
        if (anchor !== undefined) expect([slug, href, target.includes(` id="${anchor}"`)]).toEqual([slug, href, true])
        links += 1
      }
    }
    expect(links).toBeGreaterThan(50)
  })

  test("a page loads nothing but its style sheet and its script, and its policy allows nothing else", async () => {
    const response = (await asked("/docs/"))!
    const policy = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; base-uri 'none'"
    expect(response.headers.get("content-security-policy")).toStartWith(policy)
    const html = await response.text()
    expect([...html.matchAll(/<(?:script|img|iframe|style|link)\b[^>]*>/gu)].map(([tag]) => tag)).toEqual([
      '<link rel="stylesheet" href="/docs/style.css">',
      '<script src="/docs/script.js" defer>',
    ])
    expect((await asked("/docs/style.css"))!.headers.get("content-type")).toBe("text/css; charset=utf-8")
    expect((await asked("/docs/script.js"))!.headers.get("content-type")).toBe("text/javascript; charset=utf-8")
  })

  test("clients that take gzip get gzip", async () => {
    const response = (await asked("/docs/configuration", "br, gzip"))!
    expect(response.headers.get("content-encoding")).toBe("gzip")
    const text = new TextDecoder().decode(Bun.gunzipSync(new Uint8Array(await response.arrayBuffer())))
    expect(text).toBe(await page("/docs/configuration"))
  })

  test("every key of the configuration has an anchor", async () => {
    const html = await page("/docs/configuration")
    const { blocks } = describedBlocks(configSchema)
    expect(blocks.length).toBeGreaterThan(50)
    for (const { heading, schema } of blocks) {
      const form = formOf(schema)
      for (const key of form.is === "block" ? Object.keys(form.shape) : []) {
        const anchor = keyAnchor(keyPath(heading, key))
        expect([anchor, html.split(` id="${anchor}"`).length]).toEqual([anchor, 2])
      }
    }
  })

  test("no page has an anchor twice", async () => {
    for (const { slug } of DOCUMENTS) {
      const ids = [...(await page(`/docs/${slug}`)).matchAll(/ id="([^"]*)"/gu)].map(([, id]) => id)
      expect([slug, ids.filter((id, place) => ids.indexOf(id) !== place)]).toEqual([slug, []])
    }
  })

  test("the search index leads to headings and keys that exist", async () => {
    const entries = JSON.parse(await page("/docs/search.json")) as [string, string, string, string][]
    expect(entries.find(([url]) => url === "/docs/configuration#server.listen")?.[3]).toContain("The address to serve.")
    expect(entries.length).toBeGreaterThan(500)
    for (const [url] of entries) {
      const [path = "", anchor] = url.split("#")
      if (!(await page(path)).includes(` id="${Bun.escapeHTML(anchor ?? "")}"`)) throw new Error(`${url} leads nowhere`)
    }
  })

  test("llms.txt names every document, with its first sentence", async () => {
    const text = await page("/llms.txt")
    expect(await page("/docs/llms.txt")).toBe(text)
    expect(text).toStartWith("# smart-router\n\n> ")
    for (const { title, slug } of DOCUMENTS)
      expect(text).toMatch(
        new RegExp(`^- \\[${title}\\]\\(/docs/${slug === "" ? "README" : slug}\\.md\\): \\S.*\\S$`, "mu"),
      )
  })

  test("HTML inside a document is text", () => {
    const html = documentPage({
      file: "x.md",
      slug: "x",
      title: "<x>",
      text: 'a <script>alert(1)</script> <img src="x">\n\n<div>b</div>',
    })
    expect(html).not.toContain("<script>")
    expect(html).not.toContain("<img")
    expect(html).not.toContain("<div>")
    expect(html).toContain("<title>&lt;x&gt;")
  })

  test("/docs leads to /docs/", async () => {
    const response = (await asked("/docs"))!
    expect([response.status, response.headers.get("location")]).toEqual([308, "/docs/"])
  })

  test.each([
    "/docs/x",
    "/docs/../package.json",
    "/docs/..%2fpackage.json",
    "/docs//",
    "/docs/constructor",
    "/docs/__proto__",
  ])("%s is not found", async (path) => {
    expect(await asked(path)).toBeNull()
  })
})
