/** Every page of the console in a real browser: with data and without, in both schemes, on a phone, for axe-core. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import type { Browser } from "playwright-core"
import { axeViolations, noBrowser, openBrowser, settled, watchedPage } from "../helpers/browser.ts"
import { type TestConsole, testConsole } from "../helpers/console-server.ts"

setDefaultTimeout(600_000)

const PAGES = [
  "",
  "spend",
  "performance",
  "reliability",
  "routing",
  "calls",
  "catalogue",
  "limits",
  "security",
  "system",
]
const LOOKS = {
  light: { colorScheme: "light", viewport: { width: 1400, height: 900 } },
  dark: { colorScheme: "dark", viewport: { width: 1400, height: 900 } },
  phone: { colorScheme: "light", viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true },
} as const

describe.skipIf(noBrowser !== null)(
  `pages of the console${noBrowser === null ? "" : ` (skipped: ${noBrowser})`}`,
  () => {
    let browser: Browser
    let full: TestConsole
    let empty: TestConsole

    beforeAll(async () => {
      browser = await openBrowser()
      full = await testConsole({ calls: 3000, callers: 60, isSample: true })
      empty = await testConsole({ calls: 0, callers: 0 })
    })
    afterAll(async () => {
      await browser?.close()
      await full?.[Symbol.asyncDispose]()
      await empty?.[Symbol.asyncDispose]()
    })

    for (const [look, options] of Object.entries(LOOKS))
      for (const content of ["data", "nothing"])
        test(`every page is whole, ${look}, with ${content}`, async () => {
          const console = content === "data" ? full : empty
          await using watched = await watchedPage(browser, new URL(console.url).origin, options)
          const { page, complaints } = watched
          const faults: object[] = []
          for (const name of PAGES) {
            await page.goto(`${console.url}${name}?since=30d`)
            await settled(page)
            const found = {
              page: name,
              violations: await axeViolations(page),
              // nothing is wider than the screen but what scrolls by itself
              overflows: await page.evaluate(
                "document.documentElement.scrollWidth > document.documentElement.clientWidth",
              ),
              problems: await page.locator(".problem").count(),
            }
            if (found.violations.length > 0 || found.overflows !== false || found.problems > 0) faults.push(found)
            expect(await page.locator("section.block").count()).toBeGreaterThan(0)
          }
          expect(faults).toEqual([])
          expect(complaints).toEqual([])
        })

    test("a row of the calls opens the story of that call", async () => {
      await using watched = await watchedPage(browser, new URL(full.url).origin, LOOKS.light)
      const { page, complaints } = watched
      await page.goto(`${full.url}calls?since=30d`)
      await settled(page)
      const link = page.locator("td a.code").first()
      const id = await link.getAttribute("title")
      await link.click()
      await page.waitForSelector("#timeline-title")
      expect(await page.locator("h1").textContent()).toBe(`Call ${id}`)
      expect(await axeViolations(page)).toEqual([])
      expect(complaints).toEqual([])
    })
  },
)
