import { describe, expect, test } from "bun:test"
import { readdirSync } from "node:fs"
import { join } from "node:path"
import { serveDocs } from "./assets.ts"
import { documentPage } from "./document-page.ts"
import { DOCUMENTS } from "./documents.ts"

const ROOT = join(import.meta.dir, "../..")

async function page(path: string): Promise<string> {
  return (await serveDocs(path)?.text()) ?? ""
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

  test("a page loads nothing but the style sheet, and its policy allows nothing else", async () => {
    const response = serveDocs("/docs/")!
    expect(response.headers.get("content-security-policy")).toStartWith("default-src 'none'; style-src 'self'")
    const html = await response.text()
    expect([...html.matchAll(/<(?:script|img|iframe|style|link)\b[^>]*>/gu)].map(([tag]) => tag)).toEqual([
      '<link rel="stylesheet" href="/docs/style.css">',
    ])
    expect(serveDocs("/docs/style.css")!.headers.get("content-type")).toBe("text/css; charset=utf-8")
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

  test("/docs leads to /docs/", () => {
    const response = serveDocs("/docs")!
    expect([response.status, response.headers.get("location")]).toEqual([308, "/docs/"])
  })

  test.each([
    "/docs/x",
    "/docs/../package.json",
    "/docs/..%2fpackage.json",
    "/docs//",
    "/docs/constructor",
    "/docs/__proto__",
  ])("%s is not found", (path) => {
    expect(serveDocs(path)).toBeNull()
  })
})
