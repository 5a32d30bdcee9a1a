/** A real browser for tests: Debian's Chromium, without a window, where the machine has one. */
import { type Browser, chromium } from "playwright-core"

const PROGRAM = Bun.which("chromium") ?? Bun.which("chromium-browser") ?? Bun.which("google-chrome")

/** Stands in the names of tests that cannot run: why. */
export const WITHOUT_BROWSER: string | null =
  PROGRAM === null ? "no chromium on this machine (Debian: apt-get install chromium)" : null

/** Loopback addresses are asked without a proxy, and nothing else is asked. */
export async function startBrowser(): Promise<Browser & AsyncDisposable> {
  if (PROGRAM === null) throw new Error(WITHOUT_BROWSER ?? "")
  const args = ["--no-sandbox", "--disable-dev-shm-usage", "--no-proxy-server", "--disable-component-update"]
  return chromium.launch({ executablePath: PROGRAM, args, headless: true, timeout: 120_000 })
}
