/** Sessions of administrators who sign in by password: how they begin, what they bear, and how they end. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import { ask, cheapPasswords, HASHES, PASSWORD, user, withAdministrators } from "../../helpers/administrators.ts"
import { eventually } from "../../helpers/client.ts"
import type { Config } from "../../helpers/config.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import { startGateway, type LocalGateway } from "../../helpers/gateway.ts"
import { HeldClock } from "../../helpers/held-clock.ts"
import { type Page, WindowlessBrowser } from "../../helpers/oidc.ts"
import { startRedis, WITHOUT_REDIS } from "../../helpers/redis.ts"
import { at } from "../../helpers/streams.ts"

setDefaultTimeout(300_000)

const SESSION = "smart_router_admin_session"
const NAMES = ["ann", "bob", "sue"]

let passwords: Disposable
let upstream: FakeUpstream
beforeAll(async () => {
  passwords = cheapPasswords()
  upstream = await FakeUpstream.start()
})
afterAll(async () => {
  passwords[Symbol.dispose]()
  await upstream.stop()
})

function configure(config: Config, names = NAMES, sessions: Record<string, unknown> = {}): void {
  const permissions = ["admin:reports:read", "admin:explain:read"]
  withAdministrators(
    config,
    names.map((name) =>
      user(name, { permissions: name === "ann" ? [...permissions, "admin:auth:revoke"] : permissions }),
    ),
    { trusted_proxy_cidrs: ["127.0.0.1"] },
    {
      sessions: { secure_cookies: false, ...sessions },
      authorization: { enabled: true, policy: ["p, none, *, metrics, read"] },
    },
  )
  config.server["admin_reports"] = { enabled: true }
}

async function house(clock?: HeldClock, sessions: Record<string, unknown> = {}): Promise<LocalGateway> {
  return startGateway(
    { upstreams: { upstream }, env: HASHES, configure: (config) => configure(config, NAMES, sessions) },
    { clock },
  )
}

const form = (fields: Record<string, string>): RequestInit => ({
  method: "POST",
  headers: { "content-type": "application/x-www-form-urlencoded" },
  body: new URLSearchParams(fields).toString(),
})

async function signIn(
  url: string,
  username: string,
  more: Record<string, string> = {},
): Promise<{ browser: WindowlessBrowser; page: Page }> {
  const browser = new WindowlessBrowser()
  return {
    browser,
    page: await browser.ask(`${url}/admin/auth/login`, form({ username, password: PASSWORD, ...more })),
  }
}

async function subject(browser: WindowlessBrowser, url: string): Promise<unknown> {
  const { status, text } = await browser.ask(`${url}/admin/auth/me`)
  return status === 200 ? at(JSON.parse(text), "subject") : status
}

/** As `subject`, once the store of sessions answers in time, which takes a moment on a busy machine. */
function subjectByStore(browser: WindowlessBrowser, url: string): Promise<unknown> {
  return eventually("the store of sessions answers", async () => {
    const answer = await subject(browser, url)
    return answer === 503 ? undefined : answer
  })
}

describe("a session", () => {
  let gateway: LocalGateway
  beforeAll(async () => {
    gateway = await house()
  })
  afterAll(() => gateway[Symbol.asyncDispose]())

  test("is what the page of reports asks for, by a form without a script", async () => {
    const browser = new WindowlessBrowser()
    const page = await browser.go(`${gateway.url}/admin/reports/?since=7d`)
    expect(page.status).toBe(200)
    expect(page.text).toContain('<form method="post" action="/admin/auth/login">')
    expect(page.text).toContain('value="/admin/reports/?since=7d"')
    expect(page.text).not.toContain("<script")
    expect(page.headers.get("content-security-policy")).toBe(
      "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    )
    const style = await browser.ask(`${gateway.url}/admin/auth/style.css`)
    expect([style.status, style.headers.get("content-type")]).toEqual([200, "text/css; charset=utf-8"])
  })

  test("begins with the right password and leads back", async () => {
    const { browser, page } = await signIn(gateway.url, "ann", { return_to: "/admin/reports/?since=7d" })
    expect([page.status, page.headers.get("location")]).toEqual([303, "/admin/reports/?since=7d"])
    expect(page.headers.get("set-cookie")).toMatch(
      new RegExp(`^${SESSION}=[0-9a-f]{64}; Path=/; HttpOnly; SameSite=Strict; Max-Age=28800$`, "u"),
    )
    expect(await subject(browser, gateway.url)).toBe("basic:ann")
    const summary = await browser.ask(`${gateway.url}/admin/reports/api/summary?since=24h`)
    expect([summary.status, summary.headers.get("cache-control")]).toEqual([200, "no-store"])
  })

  test("begins with no wrong password, and the page says so without the name", async () => {
    const browser = new WindowlessBrowser()
    const page = await browser.ask(`${gateway.url}/admin/auth/login`, form({ username: "<b>ann", password: "wrong" }))
    expect([page.status, page.headers.get("set-cookie")]).toEqual([401, null])
    expect(page.text).toContain("Name or password is wrong.")
    expect(page.text).not.toContain("ann")
  })

  test.each([
    "https://evil.example/",
    "//evil.example/",
    "/\\evil.example/",
    "/admin/reports/../../../evil",
    "/admin/auth/logout",
    "/admin/reports/\r\nset-cookie: a=b",
    "javascript:alert(1)",
    "/admin/reportsx",
  ])("leads nowhere but to reports when it is asked for %j", async (returnTo) => {
    const { page } = await signIn(gateway.url, "ann", { return_to: returnTo })
    expect([page.status, page.headers.get("location")]).toEqual([303, "/admin/reports/"])
    const asked = await new WindowlessBrowser().ask(
      `${gateway.url}/admin/auth/login?return_to=${encodeURIComponent(returnTo)}`,
    )
    expect(asked.text).toContain('value="/admin/reports/"')
  })

  test("gets a new secret at each sign-in, and the one before ends", async () => {
    const { browser } = await signIn(gateway.url, "ann")
    const first = browser.cookies(gateway.url).get(SESSION)
    await browser.ask(`${gateway.url}/admin/auth/login`, form({ username: "bob", password: PASSWORD }))
    const second = browser.cookies(gateway.url).get(SESSION)
    expect(second).not.toBe(first)
    expect(await subject(browser, gateway.url)).toBe("basic:bob")
    browser.cookies(gateway.url).set(SESSION, first ?? "")
    expect(await subject(browser, gateway.url)).toBe(401)
  })

  test("cannot be chosen by whoever sets a cookie before", async () => {
    const browser = new WindowlessBrowser()
    browser.cookies(gateway.url).set(SESSION, "0".repeat(64))
    await browser.ask(`${gateway.url}/admin/auth/login`, form({ username: "ann", password: PASSWORD }))
    expect(browser.cookies(gateway.url).get(SESSION)).not.toBe("0".repeat(64))
    const both = await fetch(`${gateway.url}/admin/auth/me`, {
      headers: {
        cookie: `${SESSION}=${browser.cookies(gateway.url).get(SESSION) ?? ""}; ${SESSION}=${"0".repeat(64)}`,
      },
    })
    expect(both.status).toBe(401)
  })

  test("behind TLS has a cookie that is held to the host", async () => {
    const headers = { "x-forwarded-proto": "https", "x-forwarded-for": "203.0.113.9" }
    const init = form({ username: "ann", password: PASSWORD })
    const browser = new WindowlessBrowser()
    const origin = gateway.url.replace("http:", "https:")
    const page = await browser.ask(`${gateway.url}/admin/auth/login`, {
      ...init,
      headers: { "content-type": "application/x-www-form-urlencoded", ...headers, origin },
    })
    expect(page.headers.get("set-cookie")).toMatch(
      new RegExp(`^__Host-${SESSION}=[0-9a-f]{64}; Path=/; HttpOnly; SameSite=Strict; Secure; Max-Age=28800$`, "u"),
    )
    const over = await browser.ask(`${gateway.url}/admin/auth/me`, { headers })
    expect(over.status).toBe(200)
    // without TLS the cookie of TLS is no session
    expect((await browser.ask(`${gateway.url}/admin/auth/me`)).status).toBe(401)
  })

  test.each([
    ["another site", { "sec-fetch-site": "cross-site" }],
    ["a neighbour", { "sec-fetch-site": "same-site" }],
    ["another origin", { origin: "https://evil.example" }],
    ["a page without an origin", { origin: "null" }],
  ])("is neither begun nor ended nor used for a change by %s", async (_, headers) => {
    const { browser } = await signIn(gateway.url, "ann")
    const foreign = async (path: string, init: RequestInit): Promise<number> =>
      (await browser.ask(gateway.url + path, { ...init, headers: { ...(init.headers as object), ...headers } })).status
    expect(await foreign("/admin/auth/login", form({ username: "bob", password: PASSWORD }))).toBe(403)
    expect(await foreign("/admin/auth/logout", { method: "POST" })).toBe(403)
    expect(await foreign("/admin/auth/revoke", form({ subject: "basic:ann" }))).toBe(403)
    expect(await foreign("/admin/api/explain", { method: "POST", body: "{}" })).toBe(403)
    expect(await subject(browser, gateway.url)).toBe("basic:ann")
  })

  test("ends by signing out", async () => {
    const { browser } = await signIn(gateway.url, "ann")
    const secret = browser.cookies(gateway.url).get(SESSION) ?? ""
    const page = await browser.ask(`${gateway.url}/admin/auth/logout`, { method: "POST" })
    expect([page.status, page.headers.get("set-cookie")]).toEqual([
      200,
      `${SESSION}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0`,
    ])
    browser.cookies(gateway.url).set(SESSION, secret)
    expect(await subject(browser, gateway.url)).toBe(401)
    const read = await browser.ask(`${gateway.url}/admin/auth/logout`)
    expect(read.text).toContain('<form method="post" action="/admin/auth/logout">')
  })

  test("ends when an administrator of everything ends those of its subject", async () => {
    const { browser: bob } = await signIn(gateway.url, "bob")
    const { browser: sue } = await signIn(gateway.url, "sue")
    const refused = await sue.ask(`${gateway.url}/admin/auth/revoke`, form({ subject: "basic:bob" }))
    expect([refused.status, at(JSON.parse(refused.text), "error", "code")]).toEqual([403, "admin-forbidden"])
    expect(await subject(bob, gateway.url)).toBe("basic:bob")
    const { browser: ann } = await signIn(gateway.url, "ann")
    expect((await ann.ask(`${gateway.url}/admin/auth/revoke`, form({ subject: "basic:bob" }))).status).toBe(200)
    expect(await subject(bob, gateway.url)).toBe(401)
    expect(await subject(sue, gateway.url)).toBe("basic:sue")
  })

  test("ends when its user is taken out, and does not come back with it", async () => {
    const { browser } = await signIn(gateway.url, "bob")
    gateway.prepared.rewrite((config) => configure(config, ["ann", "sue"]))
    gateway.requestReload()
    await eventually("bob is out", async () => ((await subject(browser, gateway.url)) === 401 ? true : undefined))
    gateway.prepared.rewrite((config) => configure(config))
    gateway.requestReload()
    await eventually("bob is in", async () => {
      const { status } = await ask(gateway, "/admin/auth/check", { user: "bob" })
      return status === 200 ? true : undefined
    })
    expect(await subject(browser, gateway.url)).toBe(401)
  })

  test("needs a form that can be read", async () => {
    const url = `${gateway.url}/admin/auth/login`
    const browser = new WindowlessBrowser()
    const headers = { "content-type": "application/x-www-form-urlencoded" }
    expect((await browser.ask(url, { method: "POST", headers, body: "a".repeat(9000) })).status).toBe(413)
    expect((await browser.ask(url, { method: "POST", body: "{}" })).status).toBe(415)
    expect((await browser.ask(url, { method: "POST", headers, body: "username=ann&password=%ff%fe" })).status).toBe(401)
    expect((await browser.ask(url, { method: "PUT" })).status).toBe(405)
  })
})

test("a session ends an hour after the last request, and after eight hours in any case", async () => {
  const clock = new HeldClock()
  await using gateway = await house(clock)
  const { browser: idle } = await signIn(gateway.url, "ann")
  const { browser: busy } = await signIn(gateway.url, "bob")
  for (let quarter = 0; quarter < 32; quarter += 1) {
    expect([quarter, await subject(busy, gateway.url)]).toEqual([quarter, "basic:bob"])
    if (quarter === 4) expect(await subject(idle, gateway.url)).toBe(401)
    await clock.leap(15 * 60_000)
  }
  expect(await subject(busy, gateway.url)).toBe(401)
})

test("without TLS no session begins where sessions are for TLS alone", async () => {
  await using gateway = await house(undefined, { secure_cookies: true })
  const { page } = await signIn(gateway.url, "ann")
  expect([page.status, page.headers.get("set-cookie")]).toEqual([403, null])
  expect(page.text).toContain("Sessions begin over HTTPS only")
  expect((await ask(gateway, "/admin/auth/check", { user: "ann" })).status).toBe(200)
})

describe.skipIf(WITHOUT_REDIS !== null)(`two processes with one shared state ${WITHOUT_REDIS ?? ""}`, () => {
  test("share sessions and their ends, and let nobody in while it is away", async () => {
    await using redis = await startRedis()
    const shared = (): Promise<LocalGateway> =>
      startGateway({
        upstreams: { upstream },
        env: { ...HASHES },
        configure: (config) => {
          configure(config)
          config.server["state"] = { driver: "redis", url: redis.url }
        },
      })
    await using one = await shared()
    await using other = await shared()
    const { browser } = await signIn(one.url, "ann")
    const secret = browser.cookies(one.url).get(SESSION) ?? ""
    browser.cookies(other.url).set(SESSION, secret)
    expect(await subjectByStore(browser, other.url)).toBe("basic:ann")
    const keys = (await redis.command("KEYS", "{smart-router}:admin:*")) as string[]
    expect(keys.filter((key) => key.includes(":session:"))).toHaveLength(1)
    expect(JSON.stringify([keys, await redis.command("GET", keys[0] ?? "")])).not.toContain(secret)
    await browser.ask(`${other.url}/admin/auth/logout`, { method: "POST" })
    browser.cookies(one.url).set(SESSION, secret)
    expect(await subjectByStore(browser, one.url)).toBe(401)

    const { browser: second } = await signIn(one.url, "ann")
    redis.signal("SIGSTOP")
    const away = await second.ask(`${one.url}/admin/reports/api/version`)
    expect([away.status, at(JSON.parse(away.text), "error", "code")]).toEqual([503, "shared-state-unavailable"])
    redis.signal("SIGCONT")
    expect((await ask(one, "/admin/auth/check", { user: "ann" })).status).toBe(200)
  })
})
