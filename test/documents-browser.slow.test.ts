/** The pages of `/docs/` in a browser: their search, their copy buttons, and how they stand on a phone. */
import { afterAll, beforeAll, expect, test } from "bun:test"
import type { Browser } from "playwright-core"
import { docsAnswer } from "../src/server/assets.ts"
import { DOCUMENTS } from "../src/server/documents.ts"
import { axeViolations, noBrowser, openBrowser, until, watchedPage } from "./helpers/browser.ts"

const PHONE = { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true }

const named = (title: string): string => (noBrowser === null ? title : `${title} (${noBrowser})`)

let browser: Browser
let server: Bun.Server<undefined>
let origin = ""

beforeAll(async () => {
  if (noBrowser !== null) return
  browser = await openBrowser()
  server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: async ({ url, headers }) => {
      const answer = await docsAnswer({ path: new URL(url).pathname, headers })?.()
      return answer === undefined
        ? new Response(null, { status: 404 })
        : new Response(new Uint8Array(answer.body as Uint8Array), { status: answer.status, headers: answer.headers })
    },
  })
  origin = `http://127.0.0.1:${server.port}`
})

afterAll(async () => {
  if (noBrowser !== null) return
  await browser.close()
  await server.stop(true)
})

test.skipIf(noBrowser !== null)(named("the search finds a key, and leads to it"), async () => {
  await using watched = await watchedPage(browser, origin)
  const { page, complaints } = watched
  await page.goto(`${origin}/docs/`)
  await page.keyboard.press("/")
  await page.keyboard.type("server.listen")
  await until(page, "document.querySelectorAll('.found a').length > 0")
  await page.keyboard.press("Enter")
  await page.waitForURL(`${origin}/docs/configuration#server.listen`)
  await page.fill("search input", "nosuchword")
  await until(page, "document.querySelector('.found').textContent.startsWith('Nothing')")
  await page.keyboard.press("Escape")
  await until(page, "document.querySelector('.found').hidden")
  expect(complaints).toEqual([])
})

test.skipIf(noBrowser !== null)(named("a code block is copied as it stands"), async () => {
  await using watched = await watchedPage(browser, origin, { permissions: ["clipboard-read", "clipboard-write"] })
  const { page, complaints } = watched
  await page.goto(`${origin}/docs/moving-from-litellm`)
  await page.click("button.copy >> nth=0", { force: true })
  await until(page, "document.querySelector('button.copy').textContent === 'Copied'")
  const copied = await page.evaluate("navigator.clipboard.readText()")
  expect(copied).toBe(await page.evaluate("document.querySelector('pre').textContent.trimEnd()"))
  expect(String(copied)).toStartWith("smart-router import litellm")
  expect(complaints).toEqual([])
})

test.skipIf(noBrowser !== null)(named("no page is wider than a phone"), async () => {
  await using watched = await watchedPage(browser, origin, PHONE)
  const { page, complaints } = watched
  for (const { slug } of DOCUMENTS) {
    await page.goto(`${origin}/docs/${slug}`)
    const width = await page.evaluate("document.documentElement.scrollWidth")
    expect([slug, width]).toEqual([slug, PHONE.viewport.width])
  }
  expect(complaints).toEqual([])
})

test.skipIf(noBrowser !== null)(named("axe finds nothing, in light and in dark, wide and on a phone"), async () => {
  for (const options of [{ colorScheme: "light" }, { ...PHONE, colorScheme: "dark" }] as const) {
    await using watched = await watchedPage(browser, origin, options)
    for (const slug of ["", "errors", "routing", "moving-from-litellm"]) {
      await watched.page.goto(`${origin}/docs/${slug}`)
      expect([slug, await axeViolations(watched.page)]).toEqual([slug, []])
    }
  }
})
