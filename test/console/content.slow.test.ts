/** The content of a call on its page: there when a reader asks for it, recorded, and deleted in two steps. */
import { Database } from "bun:sqlite"
import { describe, expect, setDefaultTimeout, test } from "bun:test"
import { PASSWORD, user } from "../helpers/administrators.ts"
import { axeViolations, noBrowser, openBrowser, settled, watchedPage } from "../helpers/browser.ts"
import { ALL_PARTS, capturing, CONTENT_ENV, partsOf, readContent } from "../helpers/content.ts"
import { FakeUpstream } from "../helpers/fake-upstream.ts"
import { startGateway } from "../helpers/gateway.ts"
import { databasePath } from "../helpers/records.ts"
import { SAMPLES } from "../helpers/samples.ts"
import { vendorAnswer } from "../helpers/vendor.ts"

setDefaultTimeout(600_000)

const LOOKS = [
  { colorScheme: "light", viewport: { width: 1400, height: 900 } },
  { colorScheme: "dark", viewport: { width: 390, height: 844 } },
] as const

describe.skipIf(noBrowser !== null)(
  `content in the console${noBrowser === null ? "" : ` (skipped: ${noBrowser})`}`,
  () => {
    test("is shown, told of and deleted when a reader says so", async () => {
      const upstream = (await FakeUpstream.start()).otherwise(vendorAnswer("<b>first words</b>"))
      await using gateway = await startGateway({
        upstreams: { upstream },
        env: CONTENT_ENV,
        configure: (config) =>
          capturing(config, { ...ALL_PARTS, capture_images: false }, [
            user("eve", { permissions: ["admin:reports:read|drilldown"] }),
          ]),
      })
      const body = SAMPLES.chat.request({ text: "my key is sk-proj-abcdefghijklmnopqrstuvwx0123456789" })
      const ids = [await gateway.call("chat", body), await gateway.call("chat", body)].map(({ requestId }) => requestId)
      for (const id of ids) await partsOf(gateway, id)
      const audits = (): number => {
        using database = new Database(databasePath(gateway.directory), { readonly: true })
        return database.query("SELECT 1 FROM request_content_audit_events WHERE action = 'read'").all().length
      }
      const browser = await openBrowser()
      for (const [index, look] of LOOKS.entries()) {
        await using watched = await watchedPage(browser, new URL(gateway.url).origin, look)
        const { page, complaints } = watched
        await page.goto(`${gateway.url}/admin/reports/calls/${ids[index]}?since=24h&tz=UTC`)
        await page.locator("input[name=username]").fill("ann")
        await page.locator("input[name=password]").fill(PASSWORD)
        await page.keyboard.press("Enter")
        await page.waitForSelector("#content-title")
        await settled(page)
        expect(await page.locator(".content pre").count()).toBe(0)
        const before = audits()
        await page.getByRole("button", { name: "Show the content" }).focus()
        await page.keyboard.press("Enter")
        await page.waitForSelector(".content pre")
        expect(await page.locator(".content h3").allTextContents()).toEqual(["Request", "Answer"])
        const [request, answer] = await page.locator(".content pre").allTextContents()
        expect(request).toContain("my key is [redacted]")
        expect(answer).toContain("<b>first words</b>")
        expect(await page.locator(".content").textContent()).toContain("1 redacted")
        expect(audits()).toBe(before + 1)
        expect(await axeViolations(page)).toEqual([])
        expect(await page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")).toBe(
          false,
        )
        const folder = process.env["SCREENSHOTS"]
        if (folder !== undefined) await page.screenshot({ path: `${folder}/content-${index}.png`, fullPage: true })
        await page.getByRole("button", { name: "Delete the content" }).click()
        expect((await readContent(gateway, ids[index] ?? "")).status).toBe(200)
        await page.getByRole("button", { name: "Delete it for good" }).click()
        await page.getByText("The content of this call is deleted.").waitFor()
        expect((await readContent(gateway, ids[index] ?? "")).status).toBe(404)
        await page.getByRole("button", { name: "Show the content" }).click()
        await page.getByText("No content of this call is stored").waitFor()
        expect(complaints.filter((words) => !words.includes("404"))).toEqual([])
      }
      await browser.close()
      await upstream.stop()
    })
  },
)
