/**
 * The console of a router that serves calls: signing in, true figures of the calls just made, signing out. A sampled run opens
 * one page besides; each page in each look, by keyboard and with hostile names: the slow tests beside this one.
 */
import { describe, expect, setDefaultTimeout, test } from "bun:test"
import { HASHES, PASSWORD, user, withAdministrators } from "../helpers/administrators.ts"
import { noBrowser, openBrowser, axeViolations, settled, until, watchedPage } from "../helpers/browser.ts"
import { FakeUpstream } from "../helpers/fake-upstream.ts"
import { startGateway } from "../helpers/gateway.ts"
import { sampled } from "../helpers/sample.ts"
import { vendorAnswer } from "../helpers/vendor.ts"

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
const PERMISSIONS = ["admin:reports:read", "admin:reports:drilldown", "admin:security_reports:read"]
const CALLS = 7
const BODY = JSON.stringify({ model: "default", messages: [{ role: "user", content: "hello" }] })

describe.skipIf(noBrowser !== null)(`a router's console${noBrowser === null ? "" : ` (skipped: ${noBrowser})`}`, () => {
  test("tells the calls just made on every page, to who is signed in", async () => {
    const upstream = (await FakeUpstream.start()).otherwise(vendorAnswer("first"))
    await using gateway = await startGateway({
      upstreams: { upstream },
      env: HASHES,
      configure: (config) => {
        withAdministrators(
          config,
          [user("ann", { permissions: PERMISSIONS })],
          {},
          {
            sessions: { secure_cookies: false },
            authorization: { enabled: true, policy: ["p, none, *, metrics, read"] },
          },
        )
        config.server["admin_reports"] = { enabled: true, security: { enabled: true } }
      },
    })
    for (let made = 0; made < CALLS; made += 1) expect((await gateway.call("chat", BODY)).status).toBe(200)
    const browser = await openBrowser()
    await using watched = await watchedPage(browser, new URL(gateway.url).origin)
    const { page, complaints } = watched
    await page.goto(`${gateway.url}/admin/reports/`)
    await page.locator("input[name=username]").fill("ann")
    await page.locator("input[name=password]").fill(PASSWORD)
    await page.keyboard.press("Enter")
    await page.waitForURL(/\/admin\/reports\/.*since=/)
    await settled(page)
    expect(await page.locator(".tile .value").first().textContent()).toBe(String(CALLS))
    for (const name of sampled(PAGES, 1)) {
      await page.goto(`${gateway.url}/admin/reports/${name}?since=24h&tz=UTC`)
      await settled(page)
      const problems = await page.locator(".problem").allTextContents()
      expect({ name, problems, violations: await axeViolations(page) }).toEqual({
        name,
        problems: [],
        violations: [],
      })
    }
    await page.goto(`${gateway.url}/admin/reports/calls?since=24h&tz=UTC`)
    await settled(page)
    expect(await page.locator("tbody tr").count()).toBe(CALLS)
    await page.locator("td a.code").first().click()
    await page.waitForSelector("#timeline-title")
    expect(await page.locator("#attempts-title ~ .scroll tbody tr").count()).toBe(1)
    await page.goto(`${gateway.url}/admin/reports/system`)
    await settled(page)
    expect(await page.locator("#state-title ~ dl").textContent()).toContain("takes rows")
    expect(complaints).toEqual([])
    await page.getByRole("button", { name: "Sign out" }).click()
    await until(page, "!location.pathname.startsWith('/admin/reports')")
    await page.goto(`${gateway.url}/admin/reports/spend`)
    await page.locator("input[name=password]").waitFor()
    await browser.close()
    await upstream.stop()
  })
})
