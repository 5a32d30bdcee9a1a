/** Names that a page was not made for: very long, in other scripts, of HTML, of formulas; and very many of them. */
import { describe, expect, setDefaultTimeout, test } from "bun:test"
import { axeViolations, noBrowser, openBrowser, settled, until, watchedPage } from "../helpers/browser.ts"
import { realistic, testConsole } from "../helpers/console-server.ts"

setDefaultTimeout(600_000)

const HOSTILE = [
  "x".repeat(200),
  "<img src=x onerror=alert(1)><script>alert(2)</script>",
  '=HYPERLINK("http://example.com","click")',
  "Ünïcödé 部門 قسم \u202Ereversed",
  'a,b"c\nd',
]

describe.skipIf(noBrowser !== null)(`hostile names${noBrowser === null ? "" : ` (skipped: ${noBrowser})`}`, () => {
  test("are shown as text, stay within the page, and are filtered by exactly", async () => {
    await using console = await testConsole({
      calls: 2000,
      callers: 40,
      named: (call) => {
        const named = realistic(call)
        const name = HOSTILE[Number(/\d+/.exec(call.usage.caller_id)?.[0]) % HOSTILE.length] ?? ""
        return { ...named, usage: { ...named.usage, caller_project: name, target_model: name, caller_id: name } }
      },
    })
    const browser = await openBrowser()
    for (const viewport of [
      { width: 1300, height: 900 },
      { width: 390, height: 844 },
    ]) {
      await using watched = await watchedPage(browser, new URL(console.url).origin, { viewport })
      const { page, complaints } = watched
      for (const name of ["", "spend", "performance", "reliability", "calls"]) {
        await page.goto(`${console.url}${name}?since=60d&tz=UTC`)
        await settled(page)
        const overflows = await page.evaluate(
          "document.documentElement.scrollWidth > document.documentElement.clientWidth",
        )
        expect({ name, overflows, violations: await axeViolations(page) }).toEqual({
          name,
          overflows: false,
          violations: [],
        })
      }
      await page.goto(`${console.url}spend?since=60d&tz=UTC`)
      await settled(page)
      for (const name of HOSTILE) {
        await page.goto(`${console.url}spend?since=60d&tz=UTC`)
        await settled(page)
        const link = page.locator("#shares-title ~ .scroll td a").filter({ hasText: name.slice(0, 20).trim() })
        await link.first().click()
        await until(page, "location.search.includes('where')")
        await settled(page)
        expect(await page.locator("#shares-title ~ .scroll tbody tr").count()).toBe(1)
      }
      expect(await page.locator("img, main script").count()).toBe(0)
      expect(complaints).toEqual([])
    }
    await browser.close()
  })

  test("ten thousand callers: a thousand are told apart, all are in the total, and the page stays small", async () => {
    await using console = await testConsole({
      calls: 20_000,
      callers: 10_000,
      named: (call) => ({
        ...call,
        usage: { ...call.usage, caller_id: `caller-${call.usage.request_id.slice(-4)}-${call.usage.caller_id}` },
      }),
    })
    const browser = await openBrowser()
    await using watched = await watchedPage(browser, new URL(console.url).origin)
    const { page, complaints } = watched
    await page.goto(`${console.url}spend?since=90d&tz=UTC&by=caller`)
    await settled(page)
    const section = page.locator("section", { has: page.locator("#shares-title") })
    expect(await section.locator("tbody tr").count()).toBe(50)
    expect(await section.locator(".note").first().textContent()).toContain("1,000 of ")
    expect(await section.locator("tfoot td").nth(2).textContent()).toBe("20,000")
    await page.goto(`${console.url}limits?tz=UTC&since=7d`)
    await settled(page)
    expect(await page.locator("tbody tr").count()).toBe(50)
    expect(complaints).toEqual([])
    await browser.close()
  })
})
