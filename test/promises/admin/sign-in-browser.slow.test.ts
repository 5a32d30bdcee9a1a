/** Signing in with a real browser: by the form, through a real provider on another site, and by the link of the demo. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import { existsSync } from "node:fs"
import path from "node:path"
import type { Browser, BrowserContext, Page } from "playwright-core"
import { HASHES, PASSWORD, user } from "../../helpers/administrators.ts"
import { noBrowser, openBrowser } from "../../helpers/browser.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import { freePort, OIDC_ENV, startProvider, type TestProvider, withOidc } from "../../helpers/oidc.ts"
import { type RouterProcess, spawnRouter } from "../../helpers/router-process.ts"

setDefaultTimeout(600_000)

const BINARY = process.env["SMART_ROUTER_BINARY"]
const programs: readonly (readonly [name: string, command: readonly string[] | undefined])[] = [
  ["from a checkout", undefined],
  ...(BINARY !== undefined && existsSync(BINARY) ? [["in the binary", [path.resolve(BINARY)]] as const] : []),
]

describe.skipIf(noBrowser !== null)(`a browser signs in ${noBrowser ?? ""}`, () => {
  let browser: Browser
  beforeAll(async () => {
    browser = await openBrowser()
  })
  afterAll(() => browser.close())

  describe.each(programs)("%s", (_, command) => {
    let upstream: FakeUpstream
    let router: RouterProcess
    let provider: TestProvider
    const url = `http://127.0.0.1:${freePort()}`

    beforeAll(async () => {
      upstream = await FakeUpstream.start()
      provider = await startProvider(url)
      await provider.change({ claims: { ann: { email: "ann@example.com", email_verified: true } } })
      const configure = (config: Parameters<typeof withOidc>[0]): void => {
        withOidc(config, provider.issuer, url)
        const auth = config.server["admin_auth"] as Record<string, Record<string, unknown>>
        config.server["listen"] = url.replace("http://", "")
        auth["basic"] = {
          ...auth["basic"],
          enabled: true,
          users: [user("ann", { permissions: ["admin:reports:read"] })],
        }
      }
      router = await spawnRouter({ upstreams: { upstream }, env: { ...HASHES, ...OIDC_ENV }, configure }, { command })
    })
    afterAll(async () => {
      await router[Symbol.asyncDispose]()
      await provider[Symbol.asyncDispose]()
      await upstream.stop()
    })

    /** A fresh profile; what the pages complain of is collected. */
    async function page(): Promise<{ page: Page; context: BrowserContext; complaints: string[] }> {
      const context = await browser.newContext()
      const opened = await context.newPage()
      const complaints: string[] = []
      opened.on("console", (message) => {
        if (message.type() === "error" && message.location().url.startsWith(url)) complaints.push(message.text())
      })
      opened.on("pageerror", (error) => complaints.push(error.message))
      return { page: opened, context, complaints }
    }

    test("by the form, with the keyboard alone, and out again", async () => {
      const { page: form, context, complaints } = await page()
      await form.goto(`${url}/admin/reports/?since=7d`)
      expect(await form.title()).toBe("Sign in – smart-router")
      await form.keyboard.type("ann")
      await form.keyboard.press("Tab")
      await form.keyboard.type(PASSWORD)
      await form.keyboard.press("Enter")
      await form.waitForURL(`${url}/admin/reports/?since=7d`)
      await form.getByRole("link", { name: "Spend" }).first().waitFor()
      expect((await context.request.get(`${url}/admin/auth/me`)).status()).toBe(200)
      await form.goto(`${url}/admin/auth/logout`)
      await form.keyboard.press("Tab")
      await form.keyboard.press("Enter")
      await form.getByText("Your session here has ended.").waitFor()
      expect((await context.request.get(`${url}/admin/auth/me`)).status()).toBe(401)
      expect(complaints).toEqual([])
      await context.close()
    })

    test("through a provider on another site, with a cookie that is SameSite=Strict", async () => {
      const { page: opened, context, complaints } = await page()
      await opened.goto(`${url}/admin/reports/?since=7d`)
      await opened.getByRole("link", { name: "Sign in with the identity provider" }).click()
      // the login and the consent of the provider
      for (let step = 0; step < 2; step += 1) {
        await opened.getByRole("button", { name: "Go on as ann" }).click()
      }
      await opened.waitForURL(`${url}/admin/reports/?since=7d`)
      const me = (await (await context.request.get(`${url}/admin/auth/me`)).json()) as Record<string, unknown>
      expect(me).toMatchObject({ source: "oidc", subject: "user:ann@example.com" })
      const cookie = (await context.cookies(url)).find(({ name }) => name === "smart_router_admin_session")
      expect(cookie).toMatchObject({ httpOnly: true, sameSite: "Strict" })
      expect(await opened.evaluate("document.cookie")).toBe("")
      expect(complaints).toEqual([])

      // what a page of another site starts has no session
      const foreign = await context.newPage()
      await foreign.goto(`${provider.issuer}/nothing`)
      await foreign.evaluate(`{
        const form = document.createElement("form")
        form.method = "post"
        form.action = "${url}/admin/auth/logout"
        document.body.append(form)
        form.submit()
      }`)
      await foreign.waitForURL(`${url}/admin/auth/logout`)
      expect((await context.request.get(`${url}/admin/auth/me`)).status()).toBe(200)
      await context.close()
    })

    test("and is refused on a page that leads nowhere by itself", async () => {
      await provider.change({ account: "eve" })
      const { page: opened, context } = await page()
      await opened.goto(`${url}/admin/auth/login?with=oidc`)
      for (let step = 0; step < 2; step += 1) await opened.getByRole("button", { name: "Go on as eve" }).click()
      await opened.getByText("The identity provider's answer does not let you in.").waitFor()
      expect(new URL(opened.url()).pathname).toBe("/admin/auth/callback")
      expect((await context.request.get(`${url}/admin/auth/me`)).status()).toBe(401)
      await provider.change({ account: "ann" })
      await context.close()
    })
  })
})
