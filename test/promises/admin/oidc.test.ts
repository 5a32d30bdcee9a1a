/** Administrators sign in through a real OpenID provider, and nobody else does: by a tampered, repeated or foreign answer. */
import { afterAll, afterEach, beforeAll, expect, setDefaultTimeout, test } from "bun:test"
import { eventually } from "../../helpers/client.ts"
import type { Config } from "../../helpers/config.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import { startGateway, type LocalGateway } from "../../helpers/gateway.ts"
import {
  OIDC_ENV,
  type Page,
  startProvider,
  type TestProvider,
  WindowlessBrowser,
  withOidc,
} from "../../helpers/oidc.ts"
import { at } from "../../helpers/streams.ts"

setDefaultTimeout(300_000)

const SESSION = "smart_router_admin_session"
const CLAIMS = {
  ann: { email: "Ann@Example.com", email_verified: true },
  eve: { email: "eve@evil.example", email_verified: true },
  liar: { email: "ann@example.com", email_verified: false },
  bob: { email: "bob@example.com", email_verified: true, groups: ["on call", "others"] },
  cid: { email: "cid@example.com", email_verified: "true", groups: "others" },
}

let upstream: FakeUpstream
let gateway: LocalGateway
let provider: TestProvider
const warnings: string[] = []

beforeAll(async () => {
  upstream = await FakeUpstream.start()
  const log = {
    info: () => {},
    warn: (...words: unknown[]) => void warnings.push(JSON.stringify(words)),
    error: () => {},
  }
  gateway = await startGateway({ upstreams: { upstream }, env: OIDC_ENV }, { log })
  provider = await startProvider(gateway.url)
  await configure((config) => withOidc(config, provider.issuer, gateway.url), 302)
  await provider.change({ claims: CLAIMS })
})
afterAll(async () => {
  await provider[Symbol.asyncDispose]()
  await gateway[Symbol.asyncDispose]()
  await upstream.stop()
})
afterEach(async () => {
  await provider.change({ account: "ann", nonce: null })
  warnings.length = 0
})

/** Puts a configuration into force; `login` is what the sign-in answers once it is. */
async function configure(change: (config: Config) => void, login: number): Promise<void> {
  gateway.prepared.rewrite(change)
  gateway.requestReload()
  await eventually("the configuration is in force", async () => {
    const { status } = await new WindowlessBrowser().ask(`${gateway.url}/admin/auth/login`)
    return status === login ? true : undefined
  })
}

const startUrl = (): string => `${gateway.url}/admin/reports/`
const isCallback = (url: string): boolean => url.includes("/admin/auth/callback")

async function signedIn(account: string): Promise<{ browser: WindowlessBrowser; page: Page }> {
  await provider.change({ account })
  const browser = new WindowlessBrowser()
  return { browser, page: await browser.go(startUrl()) }
}

/** The browser with the callback that it was about to ask for. */
async function stoppedAtCallback(): Promise<{ browser: WindowlessBrowser; url: string }> {
  const browser = new WindowlessBrowser()
  const { url } = await browser.go(startUrl(), isCallback)
  return { browser, url }
}

async function me(browser: WindowlessBrowser): Promise<unknown> {
  const { status, text } = await browser.ask(`${gateway.url}/admin/auth/me`)
  return status === 200 ? JSON.parse(text) : status
}

function isRefused({ status, text, headers }: Page): void {
  expect(status).toBe(401)
  expect(text).toContain("Sign in again")
  expect(headers.get("location")).toBeNull()
  expect(headers.get("set-cookie")).toBeNull()
  expect(text).not.toContain("http-equiv")
}

test("who is allowed comes back to the page that was asked for, with a session", async () => {
  const browser = new WindowlessBrowser()
  const asked = `${gateway.url}/admin/reports/?since=7d`
  const landing = await browser.go(asked)
  expect([landing.status, landing.url]).toEqual([200, asked])
  expect(landing.headers.get("content-security-policy")).toContain("trusted-types 'none'")
  expect(await me(browser)).toMatchObject({
    ok: true,
    source: "oidc",
    subject: "user:ann@example.com",
    domain: "*",
    permissions: [{ object: "admin:reports", actions: ["read", "export", "drilldown"] }],
  })
  const summary = await browser.ask(`${gateway.url}/admin/reports/api/summary?since=24h`)
  expect([summary.status, at(JSON.parse(summary.text), "id")]).toEqual([200, "summary"])
})

test("nothing of the provider's tokens is in any answer, and cookies are closed to scripts", async () => {
  const { browser, url } = await stoppedAtCallback()
  const page = await browser.ask(url)
  expect(page.status).toBe(200)
  const cookie = page.headers.get("set-cookie") ?? ""
  expect(cookie).toMatch(new RegExp(`^${SESSION}=[0-9a-f]{64}; Path=/; HttpOnly; SameSite=Strict; Max-Age=28800$`, "u"))
  expect(page.headers.get("content-security-policy")).toContain("default-src 'none'")
  expect(page.headers.get("cache-control")).toBe("no-store")
  expect(page.text).not.toContain("script")
})

test("groups of the provider have roles, others have none", async () => {
  const { browser: bob, page } = await signedIn("bob")
  expect(page.status).toBe(200)
  expect(at(await me(bob), "permissions")).toHaveLength(1)
  const { browser: cid } = await signedIn("cid")
  expect(await me(cid)).toMatchObject({ subject: "user:cid@example.com", permissions: [] })
  const summary = await cid.ask(`${gateway.url}/admin/reports/api/summary`)
  expect([summary.status, at(JSON.parse(summary.text), "error", "code")]).toEqual([403, "reports-forbidden"])
})

test("a group that has its role in one project sees that project alone, and others see theirs", async () => {
  const lines = [
    "p, viewer, *, admin:reports, read",
    "g, user:ann@example.com, viewer, *",
    "g, group:on%20call, viewer, lab/prod",
    "g, group:others, viewer, shop/dev",
  ]
  const domain = async (account: string): Promise<unknown> => at(await me((await signedIn(account)).browser), "domain")
  const inForce = async (policy: readonly string[] | null, bobs: string): Promise<void> => {
    gateway.prepared.rewrite((config) => {
      withOidc(config, provider.issuer, gateway.url)
      if (policy === null) return
      const auth = config.server["admin_auth"] as object
      config.server["admin_auth"] = { ...auth, authorization: { enabled: true, policy } }
    })
    gateway.requestReload()
    await eventually("the policies are in force", async () => ((await domain("bob")) === bobs ? true : undefined))
  }
  await inForce(lines, "lab/prod")
  expect([await domain("ann"), await domain("bob"), await domain("cid")]).toEqual(["*", "lab/prod", "shop/dev"])
  await inForce(null, "*")
})

test.each([
  ["eve", "the mail domain is not allowed"],
  ["liar", "the address is not there, or not verified"],
  ["nobody", "the address is not there, or not verified"],
])("%s is shown a page and not let in", async (account, reason) => {
  const { browser, page } = await signedIn(account)
  isRefused(page)
  expect(await me(browser)).toBe(401)
  expect(warnings.join()).toContain(reason)
  expect(warnings.join()).not.toContain("example")
})

test("an answer counts once, in the browser that began", async () => {
  const { browser, url } = await stoppedAtCallback()
  const other = new WindowlessBrowser()
  isRefused(await other.ask(url))
  expect((await browser.ask(url)).status).toBe(200)
  isRefused(await browser.ask(url))
})

test("a code that was used once more with another flow is refused by the provider", async () => {
  const { browser, url } = await stoppedAtCallback()
  expect((await browser.ask(url)).status).toBe(200)
  const second = await stoppedAtCallback()
  const replayed = new URL(second.url)
  replayed.searchParams.set("code", new URL(url).searchParams.get("code") ?? "")
  isRefused(await second.browser.ask(replayed.href))
  expect(warnings.join()).toContain("invalid_grant")
})

test.each(["state", "iss", "code"])("a changed %s is refused", async (name) => {
  const { browser, url } = await stoppedAtCallback()
  const changed = new URL(url)
  changed.searchParams.set(name, "https://evil.example")
  isRefused(await browser.ask(changed.href))
  expect(await me(browser)).toBe(401)
})

test("a missing state, two of them, and no parameter at all are refused", async () => {
  for (const change of [
    (query: URLSearchParams) => query.delete("state"),
    (query: URLSearchParams) => query.append("state", "another"),
    (query: URLSearchParams) => [...query.keys()].forEach((name) => query.delete(name)),
  ]) {
    const { browser, url } = await stoppedAtCallback()
    const changed = new URL(url)
    change(changed.searchParams)
    isRefused(await browser.ask(changed.href))
  }
})

test("what the provider refuses ends on a page, without a loop", async () => {
  const { browser, url } = await stoppedAtCallback()
  const denied = new URL(url)
  denied.searchParams.delete("code")
  denied.searchParams.set("error", "access_denied")
  isRefused(await browser.ask(denied.href))
  expect(warnings.join()).toContain("access_denied")
})

test("a token with another nonce is refused", async () => {
  await provider.change({ nonce: "constant" })
  const { page, browser } = await signedIn("ann")
  isRefused(page)
  expect(await me(browser)).toBe(401)
})

test("a provider that has changed its key is believed at once", async () => {
  expect((await signedIn("ann")).page.status).toBe(200)
  await provider.change({ rotate: "second", claims: CLAIMS })
  expect((await signedIn("ann")).page.status).toBe(200)
  await provider.change({ rotate: "third", claims: CLAIMS })
  expect((await signedIn("ann")).page.status).toBe(200)
})

test("the address of the way back is the configuration's, whatever a request says", async () => {
  const browser = new WindowlessBrowser()
  const page = await browser.ask(`${gateway.url}/admin/auth/login?with=oidc`, {
    headers: { host: "evil.example", "x-forwarded-host": "evil.example", "x-forwarded-proto": "https" },
  })
  const location = new URL(page.headers.get("location") ?? "")
  expect(location.searchParams.get("redirect_uri")).toBe(`${gateway.url}/admin/auth/callback`)
  expect(location.searchParams.get("code_challenge_method")).toBe("S256")
  const again = await browser.ask(`${gateway.url}/admin/auth/login?with=oidc`)
  const second = new URL(again.headers.get("location") ?? "")
  for (const name of ["state", "nonce", "code_challenge"])
    expect(second.searchParams.get(name)).not.toBe(location.searchParams.get(name))
})

test("signing out ends the session here and shows where to sign out there", async () => {
  const { browser } = await signedIn("ann")
  const before = new Map(browser.cookies(gateway.url))
  const page = await browser.ask(`${gateway.url}/admin/auth/logout`, { method: "POST" })
  expect(page.status).toBe(200)
  expect(page.text).toContain(`${provider.issuer}/session/end`)
  expect(browser.cookies(gateway.url).has(SESSION)).toBe(false)
  browser.cookies(gateway.url).set(SESSION, before.get(SESSION) ?? "")
  expect(await me(browser)).toBe(401)
})

test("who is taken out of the configuration is out at the next request", async () => {
  const { browser } = await signedIn("ann")
  expect(await me(browser)).toMatchObject({ subject: "user:ann@example.com" })
  await configure(
    (config) => withOidc(config, provider.issuer, gateway.url, { allowed_domains: ["other.example"] }),
    302,
  )
  await eventually("the session is refused", async () => ((await me(browser)) === 401 ? true : undefined))
  await configure((config) => withOidc(config, provider.issuer, gateway.url), 302)
  expect(await me(browser)).toBe(401)
})

test("a provider that is away is a page, and no sign-in", async () => {
  await configure((config) => withOidc(config, "http://127.0.0.1:9", gateway.url), 503)
  const page = await new WindowlessBrowser().ask(`${gateway.url}/admin/auth/login`)
  expect(page.text).toContain("The identity provider does not answer as it should.")
  expect(page.headers.get("retry-after")).not.toBeNull()
  await configure((config) => withOidc(config, provider.issuer, gateway.url), 302)
})

test("sign-ins on their way are bounded for each address", async () => {
  const browser = new WindowlessBrowser()
  const statuses: number[] = []
  for (let count = 0; count < 12; count += 1)
    statuses.push((await browser.ask(`${gateway.url}/admin/auth/login`)).status)
  expect(statuses.at(-1)).toBe(429)
  const page = await browser.ask(`${gateway.url}/admin/auth/login`)
  expect(page.headers.get("retry-after")).toBe("60")
})
