/**
 * Takes the pictures of the console that the documentation shows: docs/images/console-*.png, of invented calls.
 *
 *   scripts/run scripts/console-images.ts
 */
import { mkdirSync, statSync } from "node:fs"
import { join } from "node:path"
import { openBrowser, settled } from "../test/helpers/browser.ts"
import { testConsole } from "../test/helpers/console-server.ts"

interface Picture {
  readonly name: string
  readonly address: string
  readonly colorScheme?: "dark"
}

const PICTURES: readonly Picture[] = [
  { name: "overview", address: "?since=30d" },
  { name: "spend", address: "spend?since=30d&by=model" },
  { name: "performance", address: "performance?since=7d&slot=day", colorScheme: "dark" },
  { name: "reliability", address: "reliability?since=30d" },
  { name: "calls", address: "calls?since=7d&where=status_class%3D5xx" },
  { name: "call", address: "calls" },
]
const VIEWPORT = { width: 1280, height: 860 }
/** A Monday at noon, so that every run shows the same. */
const NOW_MS = Date.UTC(2026, 10, 30, 12)

const folder = join(import.meta.dir, "..", "docs", "images")
mkdirSync(folder, { recursive: true })
const console_ = await testConsole({ calls: 60_000, callers: 60, isSample: true, nowMs: NOW_MS })
const browser = await openBrowser()
for (const { name, address, colorScheme = "light" } of PICTURES) {
  const context = await browser.newContext({
    viewport: VIEWPORT,
    colorScheme,
    timezoneId: "Europe/Berlin",
    locale: "en-GB",
  })
  const page = await context.newPage()
  await page.goto(console_.url + address)
  await settled(page)
  if (name === "call") {
    await page.locator("td a.code").first().click()
    await page.waitForSelector("#timeline-title")
  }
  // charts take the width that they have a frame later
  await page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
  const path = join(folder, `console-${name}.png`)
  await page.screenshot({ path })
  console.log(`docs/images/console-${name}.png  ${Math.round(statSync(path).size / 1000)} kB`)
  await context.close()
}
await browser.close()
await console_[Symbol.asyncDispose]()
