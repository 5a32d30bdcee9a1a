/** Debian's Chromium, driven by playwright-core. */
import axe from "axe-core"
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core"

const CHROMIUM = Bun.which("chromium") ?? Bun.which("chromium-browser")

/** Why there is no browser; null: there is one. */
export const noBrowser: string | null = CHROMIUM === null ? "no chromium (Debian: apt-get install chromium)" : null

export async function openBrowser(): Promise<Browser> {
  if (CHROMIUM === null) throw new Error("there is no chromium")
  return await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"] })
}

export interface WatchedPage extends AsyncDisposable {
  readonly page: Page
  /** What the browser complained about: errors on its console, errors of scripts, violations of the policy, other origins. */
  readonly complaints: string[]
}

/** @param origin the only one that may be asked */
export async function watchedPage(
  browser: Browser,
  origin: string,
  options: BrowserContextOptions = {},
): Promise<WatchedPage> {
  const context = await browser.newContext({ timezoneId: "Europe/Berlin", locale: "en-GB", ...options })
  const page = await context.newPage()
  page.setDefaultTimeout(60_000)
  const complaints: string[] = []
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") complaints.push(`console: ${message.text()}`)
  })
  page.on("pageerror", (error) => complaints.push(`script: ${error.message}`))
  page.on("request", (request) => {
    const url = request.url()
    if (!url.startsWith(`${origin}/`) && !/^(?:blob|data):/.test(url)) complaints.push(`another origin: ${url}`)
  })
  return { page, complaints, [Symbol.asyncDispose]: () => context.close() }
}

/** What axe-core finds wrong with the page as it stands: rule, and the element. */
export async function axeViolations(page: Page): Promise<string[]> {
  // by the debugger's own evaluation, which no policy of the page forbids
  const session = await page.context().newCDPSession(page)
  await session.send("Runtime.evaluate", { expression: axe.source })
  const { result } = await session.send("Runtime.evaluate", {
    expression: "axe.run().then(({ violations }) => JSON.stringify(violations))",
    awaitPromise: true,
  })
  await session.detach()
  const found = JSON.parse(String(result.value)) as { id: string; nodes: { html: string; failureSummary: string }[] }[]
  return found.flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`))
}

/** All blocks of the page are there, and nothing is on its way. */
export async function settled(page: Page): Promise<void> {
  await page.waitForSelector('.blocks[aria-busy="false"]')
  await until(page, "document.querySelectorAll('.block.waiting').length === 0")
}

/** Until an expression is true in the page. The page's own policy forbids it to evaluate what playwright would wait with. */
export async function until(page: Page, expression: string): Promise<void> {
  const tries = 600
  for (let round = 0; round < tries; round += 1) {
    if ((await page.evaluate(expression)) === true) return
    await page.waitForTimeout(100)
  }
  throw new Error(`this did not become true: ${expression}`)
}
