/** How the console is read and steered: by keyboard alone, by links, while it is looked at, and when things go wrong. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import type { Browser, Page } from "playwright-core"
import { noBrowser, openBrowser, settled, until, watchedPage } from "../helpers/browser.ts"
import { eventually } from "../helpers/client.ts"
import { type TestConsole, testConsole } from "../helpers/console-server.ts"

setDefaultTimeout(600_000)

describe.skipIf(noBrowser !== null)(
  `reading the console${noBrowser === null ? "" : ` (skipped: ${noBrowser})`}`,
  () => {
    let browser: Browser
    let console: TestConsole

    beforeAll(async () => {
      browser = await openBrowser()
      console = await testConsole({ calls: 3000, callers: 60 })
    })
    afterAll(async () => {
      await browser?.close()
      await console?.[Symbol.asyncDispose]()
    })

    const opened = async (
      address: string,
      { holdsClock = false } = {},
    ): Promise<Awaited<ReturnType<typeof watchedPage>>> => {
      const watched = await watchedPage(browser, new URL(console.url).origin, {
        viewport: { width: 1300, height: 900 },
      })
      if (holdsClock) await watched.page.clock.install()
      await watched.page.goto(console.url + address)
      await settled(watched.page)
      return watched
    }

    test("zone and range stand in the address from the first moment on", async () => {
      await using watched = await opened("")
      const { searchParams } = new URL(watched.page.url())
      expect(Object.fromEntries(searchParams)).toEqual({ tz: "Europe/Berlin", since: "7d" })
    })

    test("a view asks once", async () => {
      console.asked.length = 0
      await using watched = await opened("spend?since=30d&tz=UTC&by=model")
      expect(console.asked).toEqual(["/admin/reports/api/page/spend?since=30d&tz=UTC&by=model"])
      await watched.page.getByRole("link", { name: "System" }).click()
      await watched.page.waitForSelector("#state-title")
      await settled(watched.page)
      expect(console.asked.filter((path) => !path.includes("only="))).toHaveLength(2)
    })

    test("what is chosen is in the address: reloading, Back and a copied link show the same", async () => {
      await using watched = await opened("spend?since=30d&tz=UTC")
      const { page } = watched
      await page.getByRole("combobox", { name: "By", exact: true }).selectOption("model")
      await settled(page)
      await page.locator("#shares-title ~ .scroll th button", { hasText: "Calls" }).first().click()
      await page.locator(".table td a", { hasText: "large-2026-09" }).first().click()
      await page.getByRole("button", { name: "Model is large-2026-09" }).waitFor()
      await settled(page)
      const shown = await figures(page)
      const address = page.url()
      expect(address).toContain("by=model")
      expect(address).toContain("where=model%3Dlarge-2026-09")
      expect(address).toContain("shares.sort=-calls")
      await page.reload()
      await settled(page)
      expect(await figures(page)).toEqual(shown)
      await page.goBack()
      await until(page, "!location.search.includes('where')")
      await settled(page)
      expect(await figures(page)).not.toEqual(shown)
      await using copied = await opened(address.slice(console.url.length))
      expect(await figures(copied.page)).toEqual(shown)
    })

    test("the menu, a range, a chart, its table and sorting are reached and used by keyboard alone", async () => {
      await using watched = await opened("?since=30d&tz=UTC")
      const { page } = watched
      await page.keyboard.press("Tab")
      expect(await focused(page)).toContain("Skip to the figures")
      await reach(page, "Spend")
      await page.keyboard.press("Enter")
      await until(page, "document.title.startsWith('Spend')")
      expect(await focused(page)).toBe("Spend")
      await settled(page)
      await reach(page, "90 days")
      await page.keyboard.press("Space")
      await until(page, "location.search.includes('since=90d')")
      await settled(page)
      await reach(page, "Cost by project. Arrow keys")
      await page.keyboard.press("End")
      const heard = page.locator("figure [aria-live]").first()
      expect(await heard.textContent()).toMatch(/\d{4}: .*USD/)
      const last = await heard.textContent()
      await page.keyboard.press("ArrowLeft")
      expect(await heard.textContent()).not.toBe(last)
      await reach(page, "Show the table of Cost by project")
      await page.keyboard.press("Enter")
      await page.getByRole("region", { name: /^Table: Cost by project/ }).waitFor()
      await reach(page, "Cost USD")
      await page.keyboard.press("Enter")
      await page.waitForSelector('th[aria-sort="descending"]')
      expect(watched.complaints).toEqual([])
    })

    test("times are of the reader's zone and say what they are in UTC", async () => {
      await using watched = await opened("calls?since=60d&tz=Asia/Kathmandu")
      const time = watched.page.locator("td time").first()
      const utc = Date.parse((await time.getAttribute("datetime")) ?? "")
      expect(await time.getAttribute("title")).toBe(`${new Date(utc).toISOString().slice(0, 19).replace("T", " ")} UTC`)
      const local = new Date(utc + 345 * 60_000).toISOString().slice(11, 19)
      expect(await time.textContent()).toContain(local)
    })

    test("live parts are asked again by themselves while the page is seen, and not while it is hidden", async () => {
      await using watched = await opened("?since=7d&tz=UTC", { holdsClock: true })
      const { page } = watched
      console.asked.length = 0
      await page.clock.runFor(4100)
      await eventually("the live part is asked again", () => console.asked.find((path) => path.includes("only=now")))
      await settled(page)
      await show(page, false)
      console.asked.length = 0
      await page.clock.runFor(600_000)
      expect(console.asked).toEqual([])
      await show(page, true)
      await eventually("it is asked as soon as the page is seen", () => console.asked[0])
    })

    test("a filter offers the values of the range, asked for when the reader comes to them", async () => {
      await using watched = await opened("spend?since=30d&tz=UTC")
      const { page } = watched
      await page.getByText("Add a filter").click()
      await page.locator("select[name=name]").selectOption("caller")
      console.asked.length = 0
      await page.locator("input[name=value]").focus()
      await until(page, "document.querySelectorAll('#filter-values option').length > 10")
      expect(console.asked).toEqual(["/admin/reports/api/facets?dimension=caller&since=30d&tz=UTC"])
      await page.locator("select[name=name]").selectOption("latency_ms")
      await page.locator("input[name=value]").focus()
      expect(console.asked).toHaveLength(1)
      expect(watched.complaints).toEqual([])
    })

    test("offers the ranges that the router answers", async () => {
      await using short = await testConsole({ calls: 0, callers: 1, longestRangeMs: 31 * 86_400_000 })
      await using watched = await watchedPage(browser, new URL(short.url).origin)
      const spans = async (address: string): Promise<string[]> => {
        await watched.page.goto(address)
        await settled(watched.page)
        return watched.page.locator(".spans button").allTextContents()
      }
      expect(await spans(short.url)).toEqual(["Hour", "Day", "7 days", "30 days"])
      await using whole = await opened("")
      expect(await whole.page.locator(".spans button").allTextContents()).toContain("Year")
    })

    test("refused, unreachable and unknown: the page says what is wrong and what to do", async () => {
      await using watched = await opened("spend?since=30d&tz=UTC")
      const { page } = watched
      await page.goto(`${console.url}spend?since=30d&tz=Mars/Phobos`)
      const problem = page.locator(".problem")
      await problem.waitFor()
      expect(await problem.textContent()).toContain("There is no time zone")
      expect(await problem.locator("code").textContent()).toBe("tz")
      for (const [status, words] of [
        [401, "Sign in"],
        [403, "policies can permit it"],
        [503, "Calls go on meanwhile"],
      ] as const) {
        console.failing = { status, message: "It is so." }
        await page.goto(`${console.url}spend?since=30d&tz=UTC`)
        await problem.waitFor()
        expect(await problem.textContent()).toContain("It is so.")
        expect(await problem.textContent()).toContain(words)
      }
      console.failing = null
      await page.getByRole("button", { name: "Try again" }).click()
      await settled(page)
      expect(await problem.count()).toBe(0)
      await page.goto(`${console.url}nowhere?since=7d&tz=UTC`)
      expect(await page.locator("main").textContent()).toContain("There is no such page")
    })

    test("a table is copied, found in, and saved as CSV with harmless formulas", async () => {
      await using watched = await opened("spend?since=60d&tz=UTC&by=caller")
      const { page } = watched
      const table = page.locator("section", { has: page.locator("#shares-title") })
      await table.getByPlaceholder("Find in the table").fill("checkout-api")
      await until(page, "document.querySelectorAll('#shares-title ~ .scroll tbody tr').length === 1")
      const [download] = await Promise.all([
        page.waitForEvent("download"),
        table.getByRole("button", { name: /^CSV/ }).click(),
      ])
      const text = await new Response(Bun.file(await download.path())).text()
      const [head = "", ...lines] = text.trimEnd().split("\r\n")
      expect(head).toStartWith("Caller,Cost (usd),Calls,")
      expect(lines.length).toBeGreaterThan(20)
      expect(lines.at(-1)).toStartWith("Total,")
    })
  },
)

function figures(page: Page): Promise<string[]> {
  return page.locator(".tile .value, .data tbody tr").allTextContents()
}

/** The text or name of what has the focus. */
async function focused(page: Page): Promise<string> {
  return String(
    await page.evaluate("document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent"),
  )
}

/** Brings the page to the front, or hides it behind another one. */
async function show(page: Page, isSeen: boolean): Promise<void> {
  await page.evaluate(`Object.defineProperty(document, 'hidden', { get: () => ${!isSeen}, configurable: true })`)
  await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
}

/** By the Tab key alone. */
async function reach(page: Page, name: string): Promise<void> {
  for (let step = 0; step < 200; step += 1) {
    if ((await focused(page)).trim().startsWith(name)) return
    await page.keyboard.press("Tab")
  }
  throw new Error(`${name} cannot be reached by the Tab key`)
}
