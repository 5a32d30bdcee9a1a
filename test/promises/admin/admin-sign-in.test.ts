/** Administrators get in by name and password over HTTPS, and nobody else does: not by guessing, not by waiting, not by a caller's token. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { jsonLog, type Log } from "../../../src/system/log.ts"
import { systemClock } from "../../../src/system/clock.ts"
import {
  ask,
  basic,
  cheapPasswords,
  HASHES,
  PASSWORD,
  PASSWORD_HASH,
  user,
  withAdministrators,
} from "../../helpers/administrators.ts"
import { eventually, get } from "../../helpers/client.ts"
import type { Config } from "../../helpers/config.ts"
import { callerEntry, newToken } from "../../helpers/config.ts"
import { parsed } from "../../helpers/expectations.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import { startGateway, type Gateway, type LocalGateway } from "../../helpers/gateway.ts"
import { HeldClock } from "../../helpers/held-clock.ts"
import { at } from "../../helpers/streams.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"

const CHECK = "/admin/auth/check"

let upstream: FakeUpstream
beforeAll(async () => {
  upstream = (await FakeUpstream.start()).otherwise(vendorAnswer())
})
afterAll(() => upstream.stop())

async function house(configure: (config: Config) => void, log?: Log): Promise<LocalGateway> {
  // passwords cost computing, and failures are forgiven with time: none passes here
  return startGateway({ upstreams: { upstream }, configure, env: HASHES }, { log, clock: new HeldClock() })
}

test("where nobody can sign in there is nothing", async () => {
  await using gateway = await house(() => {})
  for (const [path, method] of [
    [CHECK, "GET"],
    ["/admin/api/explain", "POST"],
    ["/admin/api/explain", "PUT"],
    [`/admin/api/explain/req_${"0".repeat(32)}`, "GET"],
    ["/admin", "GET"],
  ] as const) {
    const answer = await ask(gateway, path, { user: "ann", method })
    expect([path, answer.status]).toEqual([path, 404])
    expect(answer.headers.get("www-authenticate")).toBeNull()
  }
})

describe("name and password", () => {
  let gateway: Gateway
  beforeAll(async () => {
    gateway = await house((config) => {
      const viewers = { domain: "lab/dev", subject: "ops@example.com" }
      withAdministrators(config, [user("ann"), user("ops", viewers), user("nil", { permissions: [] })], {
        realm: "the lab",
        trusted_proxy_cidrs: ["127.0.0.1"],
      })
    })
  })
  afterAll(() => gateway[Symbol.asyncDispose]())

  test("the check says who it is, and nobody keeps the answer", async () => {
    const ann = await ask(gateway, CHECK, { user: "ann" })
    expect(ann.status).toBe(200)
    expect(parsed(ann)).toEqual({ ok: true, source: "basic", subject: "basic:ann", domain: "*" })
    expect(ann.headers.get("cache-control")).toBe("no-store")
    expect(ann.headers.get("content-security-policy")).toContain("default-src 'none'")
    expect(ann.requestId).toMatch(/^req_[0-9a-f]{32}$/u)
    const ops = await ask(gateway, CHECK, { user: "ops" })
    expect(parsed(ops)).toEqual({ ok: true, source: "basic", subject: "ops@example.com", domain: "lab/dev" })
  })

  test("somebody who may do nothing is told so", async () => {
    const answer = await ask(gateway, CHECK, { user: "nil" })
    expect(answer.status).toBe(403)
    expect(at(parsed(answer), "error", "code")).toBe("admin-forbidden")
    expect(answer.headers.get("www-authenticate")).toBeNull()
  })

  test("whatever is wrong looks the same, and nothing can be told from it", async () => {
    const wrong: Readonly<Record<string, string | undefined>> = {
      nothing: undefined,
      "a wrong password": basic("ann", "incorrect horse"),
      "an unknown name": basic("bob", PASSWORD),
      "a name of the language": basic("__proto__", PASSWORD),
      "another's name": basic("ANN", PASSWORD),
      "no password": basic("ann", ""),
      "a long password": basic("ann", PASSWORD.padEnd(100, "x")),
      "the hash": basic("ann", PASSWORD_HASH),
      "no colon": `Basic ${Buffer.from("ann").toString("base64")}`,
      "no name": basic("", PASSWORD),
      "no UTF-8": `Basic ${Buffer.from([0x61, 0x3a, 0xff]).toString("base64")}`,
      "no base64": "Basic !!!!",
      "an empty credential": "Basic ",
      "a huge credential": basic("ann", "x".repeat(3000)),
      "a caller's token": `Bearer ${gateway.token}`,
      "a caller's token as a password": basic("me-lab", gateway.token),
    }
    const texts = new Set<string>()
    let last = 0
    for (const [what, authorization] of Object.entries(wrong)) {
      // an address each: it is not about how many there are
      const headers = {
        "x-forwarded-for": `192.0.2.${++last}`,
        ...(authorization === undefined ? {} : { authorization }),
      }
      const answer = await ask(gateway, CHECK, { headers })
      expect([what, answer.status]).toEqual([what, 401])
      expect(answer.headers.get("www-authenticate")).toBe('Basic realm="the lab", charset="UTF-8"')
      expect(answer.headers.get("cache-control")).toBe("no-store")
      texts.add(answer.text.replace(answer.requestId, "ID"))
    }
    expect([...texts]).toHaveLength(1)
  })

  test("a caller's token beside it changes nothing, and is none of its own", async () => {
    expect((await ask(gateway, CHECK, { headers: { "x-api-key": gateway.token } })).status).toBe(401)
    expect((await ask(gateway, CHECK, { user: "ann", headers: { "x-api-key": "nonsense" } })).status).toBe(200)
  })

  test("an administrator is no caller", async () => {
    for (const path of ["/v1/models", "/v1/usage", "/metrics"])
      expect([path, (await ask(gateway, path, { user: "ann" })).status]).toEqual([path, 401])
  })

  test.each([
    [CHECK, "POST", "GET, HEAD"],
    ["/admin/api/explain", "GET", "POST"],
    [`/admin/api/explain/req_${"0".repeat(32)}`, "DELETE", "GET, HEAD"],
  ])("%s does not take %s", async (path, method, allow) => {
    const answer = await ask(gateway, path, { user: "ann", method })
    expect([answer.status, answer.headers.get("allow")]).toEqual([405, allow])
  })

  test.each(["/admin", "/admin/", "/admin/auth/checks", "/admin/auth/check/", "/admin/api"])(
    "there is nothing at %s",
    async (path) => expect((await ask(gateway, path, { user: "ann" })).status).toBe(404),
  )

  test("HEAD", async () => {
    const answer = await ask(gateway, CHECK, { user: "ann", method: "HEAD" })
    expect([answer.status, answer.text]).toEqual([200, ""])
  })
})

describe("without TLS", () => {
  const HTTPS = { "x-forwarded-proto": "https" }
  const expectRefused = async (gateway: Gateway, headers: Readonly<Record<string, string>>): Promise<void> => {
    // nobody is asked for a password that would be sent in the open
    for (const asked of [{ headers }, { headers, user: "ann" }]) {
      const answer = await ask(gateway, CHECK, asked)
      expect(answer.status).toBe(403)
      expect(at(parsed(answer), "error", "code")).toBe("admin-forbidden")
      expect(answer.text).toContain("HTTPS")
      expect(answer.headers.get("www-authenticate")).toBeNull()
    }
  }

  test("no password is taken, whatever a stranger says of it", async () => {
    await using gateway = await house((config) =>
      withAdministrators(config, [user("ann")], { allow_insecure_http: false, trusted_proxy_cidrs: ["192.0.2.0/24"] }),
    )
    await expectRefused(gateway, {})
    await expectRefused(gateway, HTTPS)
    await expectRefused(gateway, { ...HTTPS, "x-forwarded-for": "192.0.2.7" })
  })

  test("a proxy that is trusted vouches for TLS, and only by that one word", async () => {
    await using gateway = await house((config) =>
      withAdministrators(config, [user("ann")], { allow_insecure_http: false, trusted_proxy_cidrs: ["127.0.0.0/8"] }),
    )
    expect((await ask(gateway, CHECK, { user: "ann", headers: HTTPS })).status).toBe(200)
    expect((await ask(gateway, CHECK, { user: "ann", headers: { "x-forwarded-proto": "HTTPS" } })).status).toBe(200)
    for (const said of ["http", "https, http", "http, https", "https,", "httpsx", ""])
      await expectRefused(gateway, { "x-forwarded-proto": said })
    await expectRefused(gateway, {})
    await expectRefused(gateway, { forwarded: "proto=https" })
  })
})

describe("guessing", () => {
  test("an address that fails too often has to wait, even for the right password; others do not", async () => {
    using _quick = cheapPasswords()
    await using gateway = await house((config) =>
      withAdministrators(config, [user("ann")], { trusted_proxy_cidrs: ["127.0.0.1/32"] }),
    )
    const from = (address: string, password: string) =>
      ask(gateway, CHECK, { user: "ann", password, headers: { "x-forwarded-for": address } })
    const guesses = await Promise.all(Array.from({ length: 14 }, () => from("203.0.113.5", "guess")))
    expect(guesses.filter(({ status }) => status === 401)).toHaveLength(10)
    const refused = guesses.filter(({ status }) => status === 429)
    expect(refused).toHaveLength(4)
    expect(Number(refused[0]?.headers.get("retry-after"))).toBeWithin(1, 61)
    expect(at(parsed(refused[0]!), "error", "code")).toBe("sign-in-limited")
    // what a client writes before the proxy's word makes no new address
    expect((await from("198.51.100.1, 203.0.113.5", PASSWORD)).status).toBe(429)
    expect((await from("203.0.113.6", PASSWORD)).status).toBe(200)
    // one IPv6 network is one address
    for (let last = 1; last <= 10; last += 1) expect((await from(`2001:db8:1:2::${last}`, "guess")).status).toBe(401)
    expect((await from("2001:db8:1:2:9:9:9:9", PASSWORD)).status).toBe(429)
    expect((await from("2001:db8:1:3::1", PASSWORD)).status).toBe(200)
  })

  test("who gets in uses nothing up", async () => {
    using _quick = cheapPasswords()
    await using gateway = await house((config) => withAdministrators(config, [user("ann")]))
    // more than an address may fail
    const answers = await Promise.all(Array.from({ length: 12 }, () => ask(gateway, CHECK, { user: "ann" })))
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200))
  })
})

test("the log names neither name nor password, nor a hash", async () => {
  const lines: string[] = []
  await using gateway = await house(
    (config) => withAdministrators(config, [user("ann")]),
    jsonLog(systemClock, (line) => void lines.push(line)),
  )
  await ask(gateway, CHECK, { user: "my-secret-typed-as-name", password: "x" })
  await ask(gateway, CHECK, { user: "ann", password: "wrong-secret" })
  await ask(gateway, CHECK, { user: "ann" })
  expect(lines.filter((line) => line.includes("could not sign in"))).toHaveLength(2)
  const secrets = ["my-secret-typed-as-name", "wrong-secret", PASSWORD, PASSWORD_HASH, PASSWORD_HASH.slice(30)]
  expect(secrets.filter((secret) => lines.join("\n").includes(secret))).toEqual([])
  await gateway.stop()
  expect(gateway.records.leaks(secrets)).toEqual([])
})

describe("a reload", () => {
  test("takes a user out, changes a policy, and lets another in, at once and whole", async () => {
    using _quick = cheapPasswords()
    const ROLE = "p, viewer, *, admin:explain, read"
    const lines: string[] = []
    const administrators = (names: readonly string[], policy: readonly string[]) => (config: Config) =>
      withAdministrators(
        config,
        names.map((name) => user(name, { permissions: [] })),
        {},
        { authorization: { enabled: true, policy } },
      )
    await using gateway = await house(
      administrators(["ann", "bob"], [ROLE, "g, basic:ann, viewer, *"]),
      jsonLog(systemClock, (line) => void lines.push(line)),
    )
    const reload = async (change: (config: Config) => void, word: string): Promise<void> => {
      const before = lines.length
      gateway.prepared.rewrite(change)
      gateway.requestReload()
      await eventually(word, () => (lines.slice(before).some((line) => line.includes(word)) ? true : undefined))
    }
    const statuses = async () => {
      const answers = await Promise.all(["ann", "bob"].map((name) => ask(gateway, CHECK, { user: name })))
      return answers.map(({ status }) => status).join()
    }
    expect(await statuses()).toBe("200,403")
    await reload(administrators(["bob"], [ROLE, "g, basic:bob, viewer, *"]), "is reloaded")
    expect(await statuses()).toBe("401,200")
    // a policy that cannot be read leaves the one before in force
    await reload(administrators(["bob"], ["g, basic:bob, viewer"]), "is refused")
    expect(await statuses()).toBe("401,200")
    await reload((config) => (config.server["admin_auth"] = {}), "is reloaded")
    expect(await statuses()).toBe("404,404")
  })
})

test("a policy may let a caller read metrics, in its own domain or in all", async () => {
  const [flagged, granted, other, elsewhere] = [newToken("a"), newToken("b"), newToken("c"), newToken("d")]
  await using gateway = await house((config) => {
    config.callers.push(
      callerEntry("flagged", flagged, [], { metrics_admin: true }),
      callerEntry("granted", granted, []),
      callerEntry("other", other, []),
      callerEntry("elsewhere", elsewhere, [], { environment: "prod" }),
    )
    const policy = [
      "p, scraper, lab/dev, metrics, read",
      "g, caller:granted, scraper, lab/dev",
      "g, caller:elsewhere, scraper, *",
      "p, scraper, *, admin:explain, read",
    ]
    config.server["admin_auth"] = { authorization: { enabled: true, policy } }
  })
  const statuses = []
  for (const token of [flagged, granted, other, elsewhere])
    statuses.push((await get(gateway, "/metrics", { token })).status)
  expect(statuses).toEqual([200, 200, 403, 403])
})
