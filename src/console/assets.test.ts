import { expect, test } from "bun:test"
import { brotliDecompressSync, gunzipSync } from "node:zlib"
import { consoleAsset } from "./assets.ts"
import { buildConsole } from "./build.ts"

const BASE = "/admin/reports"
const MOST_SCRIPT_BYTES = 60_000

function asked(path: string, encoding = ""): ReturnType<typeof consoleAsset> {
  return consoleAsset(
    { path, headers: { get: (name) => (name === "accept-encoding" ? encoding : null) } },
    {
      base: BASE,
      longestRangeMs: 86_400_000,
    },
  )
}

function textOf(answer: Awaited<ReturnType<typeof asked>>): string {
  return typeof answer?.body === "string" ? answer.body : ""
}

test("the script of the first page is at most 60 KB gzipped, and no other file is loaded with it", async () => {
  const { script } = await buildConsole()
  expect(script.gzip.byteLength).toBeLessThanOrEqual(MOST_SCRIPT_BYTES)
  expect(Buffer.from(script.plain).toString()).not.toMatch(/\bimport\s*\(/)
})

test("every address of the console is the same page, which has no script or style of its own", async () => {
  const page = await asked(`${BASE}/`)
  const html = textOf(page)
  expect(page?.headers["content-type"]).toBe("text/html; charset=utf-8")
  expect(page?.headers["cache-control"]).toBe("no-cache")
  expect(html).not.toMatch(/<style|style=|<script(?![^>]*\ssrc=)|\son\w+=/)
  expect((await asked(`${BASE}/calls/req_1`))?.body).toBe(html)
  expect((await asked(BASE))?.body).toBe(html)
})

test("script and style are found under names that change with their bytes, compressed as the browser takes them", async () => {
  const html = textOf(await asked(`${BASE}/`))
  const paths = [...html.matchAll(/(?:src|href)="(\/[^"]+)"/g)].map(([, path]) => path ?? "")
  expect(paths).toHaveLength(2)
  for (const path of paths) {
    const plain = await asked(path)
    const gzip = await asked(path, "gzip, deflate")
    const brotli = await asked(path, "gzip, deflate, br;q=1.0")
    const refused = await asked(path, "br;q=0, gzip;q=0.000")
    expect(plain?.headers["cache-control"]).toBe("public, max-age=31536000, immutable")
    expect([plain, gzip, brotli, refused].map((answer) => answer?.headers["content-encoding"])).toEqual([
      undefined,
      "gzip",
      "br",
      undefined,
    ])
    expect(gunzipSync(gzip?.body as Uint8Array).equals(plain?.body as Uint8Array)).toBe(true)
    expect(brotliDecompressSync(brotli?.body as Uint8Array).equals(plain?.body as Uint8Array)).toBe(true)
  }
})

test("nothing else lies among the files, and the API's paths are left to it", async () => {
  expect(await asked(`${BASE}/assets/console-0000000000000000.js`)).toBeNull()
  expect(await asked(`${BASE}/assets/../../../etc/passwd`)).toBeNull()
  expect(await asked(`${BASE}/api/summary`)).toBeNull()
})

test("the policy lets nothing in but the console's own files, and no text become script", async () => {
  const policy = (await asked(`${BASE}/`))?.headers["content-security-policy"]
  expect(policy).toStartWith("default-src 'none'; script-src 'self'; style-src 'self'")
  expect(policy).toContain("require-trusted-types-for 'script'; trusted-types 'none'")
  expect(policy).not.toContain("unsafe")
})
