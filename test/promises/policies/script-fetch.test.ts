/** `router.fetchJSON` reaches the hosts that the operator listed, within time and size, and nobody else. */
import { afterAll, beforeAll, expect, test } from "bun:test"
import { reply, stall } from "../../helpers/behaviours.ts"
import { bodyText, FakeUpstream, headerOf } from "../../helpers/fake-upstream.ts"
import { SAMPLES } from "../../helpers/samples.ts"
import { policyReason, startScripts, type Scripted, type ScriptedGroup } from "../../helpers/scripted.ts"

const JSON_HEAD = { headers: { "content-type": "application/json" } }

/** Fetches what the call's text says; the answer's fate becomes the class label. */
const SCRIPT = `
  declare const router: any
  export async function route(ctx: any) {
    const { url, init } = JSON.parse(ctx.text)
    let label = "none"
    try {
      const answer = await router.fetchJSON(url, init)
      label = "ok-" + answer.ok + "-" + answer.status + "-" + (answer.body?.word ?? "")
    } catch (error: any) { label = error.code ?? error.name }
    return { targetIndex: 0, classLabel: label }
  }`

const HEADERS = { headers: { authorization: "Bearer service-key" } }

/** What differs from group to group. */
const GROUPS: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  usual: {},
  headed: HEADERS,
  small: { max_response_bytes: 1000 },
  hasty: { timeout_ms: 200 },
}

let service: FakeUpstream
let router: Scripted

beforeAll(async () => {
  service = (await FakeUpstream.start()).otherwise(reply('{"word":"hello"}', JSON_HEAD))
  const usual = { enabled: true, allow_hosts: ["127.0.0.1", "localhost"], timeout_ms: 5000 }
  const groups = Object.entries(GROUPS).map(([name, http]): [string, ScriptedGroup] => [
    name,
    { source: SCRIPT, script_http: { ...usual, ...http } },
  ])
  router = await startScripts(Object.fromEntries(groups))
})

afterAll(async () => {
  await router[Symbol.asyncDispose]()
  await service.stop()
})

/** How a fetch ends in a group. */
async function fate(url: string, init?: unknown, group = "usual"): Promise<string> {
  const body = SAMPLES.chat.request({ text: JSON.stringify({ url, init }), model: group })
  const { requestId } = await router.gateway.call("chat", body)
  return policyReason(router, requestId)
}

test("GET and POST, JSON both ways, with the operator's headers beside the script's", async () => {
  expect(await fate(`${service.url}/get`, undefined, "headed")).toBe("ok-true-200-hello")
  expect(
    await fate(`${service.url}/post`, { method: "POST", headers: { "X-Kind": "a" }, body: { n: 1 } }, "headed"),
  ).toBe("ok-true-200-hello")
  const [exchange] = service.received("/post")
  expect(JSON.parse(bodyText(exchange!.request))).toEqual({ n: 1 })
  expect(headerOf(exchange!.request, "x-kind")).toBe("a")
  expect(headerOf(exchange!.request, "authorization")).toBe("Bearer service-key")
  expect(exchange!.request.method).toBe("POST")
})

test("what is not allowed is never called", async () => {
  const { port } = service
  for (const url of [
    `http://127.0.0.2:${port}/a`,
    `http://user:word@127.0.0.1:${port}/a`,
    `http://[::1]:${port}/a`,
    `http://169.254.169.254/a`,
    `file:///etc/passwd`,
    `http://example.com/a`,
    `http://127.0.0.1.example.com/a`,
    `nonsense`,
  ])
    expect([url, await fate(url)]).toEqual([url, "forbidden"])
  expect(await fate(`${service.url}/a`, { method: "DELETE" })).toBe("bad-method")
  expect(await fate(`${service.url}/a`, { method: "POST", body: "x".repeat(2_000_000) })).toBe("too-large")
  expect(await fate(`${service.url}/a`, { body: {} })).toBe("bad-body")
  expect(await fate(`${service.url}/a`, { headers: { host: "other" } })).toBe("bad-header")
  expect(await fate(`${service.url}/a`, { headers: { "x-a": "b\r\nx-c: d" } })).toBe("bad-header")
  expect(await fate(`${service.url}/a`, { headers: { authorization: "Bearer own" } })).toBe("bad-header")
  expect(service.received("/a")).toEqual([])
})

test("redirects are checked at every hop", async () => {
  const to = (location: string, status = 302) => reply("", { status, headers: { location } })
  service.plan("/inside", to(`http://localhost:${service.port}/landed`))
  service.plan("/outside", to(`http://example.com:${service.port}/landed`))
  service.plan("/metadata", to("http://169.254.169.254/latest"))
  service.plan("/scheme", to("file:///etc/passwd"))
  service.plan("/round", to("/round"))
  service.plan("/nowhere", reply("", { status: 302 }))
  expect(await fate(`${service.url}/inside`, undefined, "headed")).toBe("ok-true-200-hello")
  const [landed] = service.received("/landed")
  expect(headerOf(landed!.request, "authorization")).toBeUndefined()
  for (const path of ["outside", "metadata", "scheme", "round", "nowhere"])
    expect([path, await fate(`${service.url}/${path}`, undefined, "headed")]).toEqual([path, "redirect"])
  expect(service.received("/landed")).toHaveLength(1)
})

test("slow, large, broken and foreign answers end a fetch with a code", async () => {
  service.plan("/slow", stall)
  service.plan("/large", reply(JSON.stringify({ word: "x".repeat(2000) })))
  service.plan("/html", reply("<html>"))
  service.plan("/utf8", reply(Uint8Array.from([0x22, 0xff, 0x22])))
  service.plan("/failed", reply('{"word":"no"}', { status: 500 }))
  service.plan("/failed-html", reply("<html>", { status: 503 }))
  expect(await fate(`${service.url}/slow`, undefined, "hasty")).toBe("timeout")
  expect(await fate(`${service.url}/large`, undefined, "small")).toBe("too-large")
  expect(await fate(`${service.url}/html`, undefined, "small")).toBe("not-json")
  expect(await fate(`${service.url}/utf8`, undefined, "small")).toBe("not-json")
  expect(await fate(`${service.url}/failed`, undefined, "small")).toBe("ok-false-500-no")
  expect(await fate(`${service.url}/failed-html`, undefined, "small")).toBe("ok-false-503-")
  expect(await fate(`http://127.0.0.1:1/closed`)).toBe("network")
})

test("arguments of the wrong kind are nothing to fail by, and headers of the wrong kind are refused", async () => {
  expect(await fate(`${service.url}/null`, null)).toBe("ok-true-200-hello")
  expect(await fate(`${service.url}/text`, "GET")).toBe("ok-true-200-hello")
  expect(await fate(`${service.url}/headers`, { headers: 7 })).toBe("bad-header")
})

test("many calls wait at the same time, each for its own answer", async () => {
  const numbers = Array.from({ length: 30 }, (_, number) => number)
  for (const number of numbers) service.plan(`/number-${number}-`, reply(`{"word":"${number}"}`, JSON_HEAD))
  const fates = await Promise.all(numbers.map((number) => fate(`${service.url}/number-${number}-`)))
  expect(fates).toEqual(numbers.map((number) => `ok-true-200-${number}`))
})
