import { afterAll, expect, test } from "bun:test"
import { readFileSync } from "node:fs"
import path from "node:path"
import type { PolicyHttp } from "../config/compile/policy-settings.ts"
import { systemClock } from "../system/clock.ts"
import { GuardedHttp, type GuardedResult } from "./guarded-http.ts"

const fixture = (name: string): string =>
  readFileSync(path.join(import.meta.dir, "../../test/fixtures/tls", name), "utf8")
const certificate = fixture("localhost-certificate-for-tests.pem")
const plain = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  fetch: ({ headers }) => Response.json({ host: headers.get("host") }),
})
const secure = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  fetch: ({ headers }) => Response.json({ host: headers.get("host") }),
  tls: { cert: certificate, key: fixture("localhost-key-for-tests.pem") },
})
afterAll(async () => {
  await Promise.all([plain.stop(true), secure.stop(true)])
})

const RULES: PolicyHttp = {
  allowHosts: new Set(["policy.example", "localhost"]),
  allowHttp: true,
  timeoutMs: 30_000,
  maxResponseBytes: 1000,
  headers: {},
}

/** What a name leads to, lookup by lookup; the last repeats. */
async function sent(url: string, answers: readonly string[], rules: Partial<PolicyHttp> = {}, ca?: string) {
  const lookups: string[] = []
  const lookup = (name: string): Promise<readonly string[]> => {
    lookups.push(name)
    return Promise.resolve([answers[Math.min(lookups.length, answers.length) - 1] ?? ""])
  }
  const http = new GuardedHttp({ clock: systemClock, lookup, ...(ca === undefined ? {} : { ca }) })
  const request = {
    url,
    method: "GET",
    headers: {},
    body: null,
    rules: { ...RULES, ...rules },
    keepMethod: false,
  } as const
  const results = [await http.send(request), await http.send(request)]
  http.close()
  return { results, lookups }
}

const body = (result: GuardedResult | undefined): unknown =>
  result?.kind === "answer" ? JSON.parse(Buffer.from(result.bytes).toString()) : result

test("a name is resolved once and the connection goes to the address that was checked", async () => {
  const { results, lookups } = await sent(`http://localhost:${plain.port}/`, ["127.0.0.1", "169.254.169.254"])
  expect(results.map(body)).toEqual([{ host: `localhost:${plain.port}` }, { host: `localhost:${plain.port}` }])
  expect(lookups).toEqual(["localhost"])
})

test("TLS is checked against the name, not the address", async () => {
  const { results } = await sent(`https://localhost:${secure.port}/`, ["127.0.0.1"], {}, certificate)
  expect(body(results[0])).toEqual({ host: `localhost:${secure.port}` })
  const unknown = await sent(`https://localhost:${secure.port}/`, ["127.0.0.1"])
  expect(unknown.results[0]).toEqual({ kind: "fault", fault: "network" })
})

test("a name that leads to this machine, to metadata or nowhere is not called", async () => {
  for (const address of [
    "127.0.0.1",
    "::1",
    "::ffff:127.0.0.1",
    "169.254.169.254",
    "::ffff:a9fe:a9fe",
    "fe80::1%eth0",
    "0.0.0.0",
    "::",
    "64:ff9b::7f00:1",
    "224.0.0.1",
    "nonsense",
  ]) {
    const { results } = await sent(`http://policy.example:${plain.port}/`, [address])
    expect([address, results[0]]).toEqual([address, { kind: "fault", fault: "forbidden" }])
  }
})

test("without TLS only this machine, unless the operator allows it", async () => {
  const rules = { allowHttp: false }
  expect(body((await sent(`http://localhost:${plain.port}/`, ["127.0.0.1"], rules)).results[0])).toHaveProperty("host")
  const { results } = await sent("http://policy.example/", ["203.0.113.9"], rules)
  expect(results[0]).toEqual({ kind: "fault", fault: "forbidden" })
})

test("ports count where the list names one", async () => {
  const listed = (host: string) => ({ allowHosts: new Set([host]) })
  const url = `http://localhost:${plain.port}/`
  expect((await sent(url, ["127.0.0.1"], listed(`localhost:${plain.port}`))).results[0]?.kind).toBe("answer")
  expect((await sent(url, ["127.0.0.1"], listed("localhost:1"))).results[0]).toEqual({
    kind: "fault",
    fault: "forbidden",
  })
})
