/** Calls of one script share nothing: no variable, no changed built-in, no memory of what another call said. */
import { afterAll, beforeAll, expect, test } from "bun:test"
import { reply } from "../../helpers/behaviours.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import { SAMPLES } from "../../helpers/samples.ts"
import { policyReason, startScripted, startScripts, type Scripted } from "../../helpers/scripted.ts"

const NAMES = ["process", "Bun", "require", "fetch", "setTimeout", "console", "WebAssembly", "std", "os", "navigator"]

let router: Scripted

beforeAll(async () => {
  router = await startScripts({
    "leaves-jobs": `export async function route(ctx: any): Promise<any> {
    if (ctx.text === "leave") { Promise.resolve().then(() => { for (;;) {} }); return { targetIndex: 0 } }
    await 1
    return { targetIndex: 1, classLabel: "on-time" } }`,
    variables: `
    let calls = 0
    const seen: string[] = []
    export function route(ctx: any) {
      calls++
      seen.push(ctx.text)
      return { targetIndex: 0, classLabel: "calls-" + calls + "-seen-" + seen.length }
    }`,
    changes: `
    const attempts: Record<string, (ctx: any) => void> = {
      global: () => { (globalThis as any).memory = 1 },
      builtin: () => { Array.prototype.map = (() => []) as any },
      json: () => { JSON.parse = (() => 1) as any },
      hidden: () => { Object.getPrototypeOf(async function () {}).memory = 1 },
      helper: () => { Object.getPrototypeOf([].values().map((x) => x)).memory = 1 },
      wrapped: () => { Object.getPrototypeOf((globalThis as any).Iterator.from({ next() {} })).memory = 1 },
      iterator: () => { Object.getPrototypeOf([][Symbol.iterator]()).next = 1 },
      target: (ctx) => { ctx.targets[0].weight = 7 },
      list: (ctx) => { ctx.targets.push({}) },
      define: () => { Object.defineProperty(Object.prototype, "memory", { value: 1 }) },
    }
    export function route(ctx: any) {
      for (const [name, attempt] of Object.entries(attempts)) {
        try { attempt(ctx) } catch { continue }
        return { targetIndex: 0, classLabel: "changed-" + name }
      }
      return { targetIndex: 0, classLabel: "nothing-changed" }
    }`,
    pretends: `export function route(ctx: any) {
    const parts = [ctx.constructor, (router as any).constructor, Object.getPrototypeOf(ctx).constructor]
    return { targetIndex: 0, classLabel: "known-" + parts.filter((part) => part !== undefined).length } }
    declare const router: any`,
    "looks-around": `
    export function route() {
      const there = ${JSON.stringify(NAMES)}.filter((name) => new Function("return typeof " + name)() !== "undefined")
      return { targetIndex: 0, classLabel: "there-" + there.join(".") }
    }`,
    subclasses: `
    class Refusal extends Error { constructor() { super("no"); this.name = "Refusal" } }
    function Old(this: any) {}
    Old.prototype.toString = () => "old"
    export function route() {
      const plain: any = {}
      plain.toString = () => "plain"
      return { targetIndex: 0, classLabel: [new Refusal().name, String(new (Old as any)()), String(plain)].join("-") }
    }`,
    spins: {
      source: `export function route(ctx: any): any {
      if (ctx.text === "spin") Array.prototype.indexOf.call({ length: 2 ** 52 }, 1)
      return { targetIndex: 1 } }`,
      script_limits: { deadline_ms: 20 },
    },
  })
})

afterAll(() => router[Symbol.asyncDispose]())

test("a job that one call leaves behind makes no other call late", async () => {
  const reasons: string[] = []
  for (const text of ["leave", "next", "leave", "next"]) {
    const { requestId } = await router.gateway.call("chat", SAMPLES.chat.request({ text, model: "leaves-jobs" }))
    reasons.push(policyReason(router, requestId))
  }
  expect(reasons).toEqual(["deadline", "on-time", "deadline", "on-time"])
})

test("variables of the module are new for each call", async () => {
  for (const text of ["one", "two", "three"]) {
    const { requestId } = await router.gateway.call("chat", SAMPLES.chat.request({ text, model: "variables" }))
    const events = router.gateway.records.trace(requestId)
    expect(events).toContainEqual(expect.objectContaining({ reason: "calls-1-seen-1" }))
  }
})

test("what the language and the router provide cannot be changed, and scripts that try are told", async () => {
  const { requestId } = await router.gateway.call("chat", SAMPLES.chat.request({ model: "changes" }))
  expect(router.gateway.records.trace(requestId)).toContainEqual(expect.objectContaining({ reason: "nothing-changed" }))
})

test("no call can pretend to be another", async () => {
  const { requestId } = await router.gateway.call("chat", SAMPLES.chat.request({ model: "pretends" }))
  expect(router.gateway.records.trace(requestId)).toContainEqual(expect.objectContaining({ reason: "known-0" }))
})

test("there is no way out: no files, no network, no process, no timers, no modules", async () => {
  const { requestId } = await router.gateway.call("chat", SAMPLES.chat.request({ model: "looks-around" }))
  expect(router.gateway.records.trace(requestId)).toContainEqual(expect.objectContaining({ reason: "there-" }))
})

test("libraries may subclass errors and override toString", async () => {
  const { requestId } = await router.gateway.call("chat", SAMPLES.chat.request({ model: "subclasses" }))
  expect(router.gateway.records.trace(requestId)).toContainEqual(
    expect.objectContaining({ reason: "Refusal-old-plain" }),
  )
})

test("other calls go on while scripts spin and while they wait", async () => {
  const call = (text: string, model = "spins") => router.gateway.call("chat", SAMPLES.chat.request({ text, model }))
  const answers = await Promise.all([
    ...Array.from({ length: 20 }, (_, index) => call(`fine-${index}`, "plain")),
    call("spin"),
    call("spin"),
    ...Array.from({ length: 20 }, (_, index) => call(`own-${index}`)),
  ])
  const others = answers.filter(({ status }) => status !== 200)
  const told = others.map(({ status, requestId, text }) => [status, policyReason(router, requestId), text])
  expect(told).toEqual(told.map(() => [502, "deadline", expect.anything()]))
  expect(others).toHaveLength(2)
})

test("a call that waits for a fetch is decided all the same when another one has to be stopped", async () => {
  const waiting = Promise.withResolvers<void>()
  const asked = Promise.withResolvers<void>()
  const service = (await FakeUpstream.start()).otherwise(async (exchange) => {
    asked.resolve()
    await waiting.promise
    await reply('{"word":"hello"}', { headers: { "content-type": "application/json" } })(exchange)
  })
  await using own = await startScripted(
    `declare const router: any
    export async function route(ctx: any) {
      if (ctx.text === "loop") "x".repeat(1 << 24).replace(/x*y/g, "")
      for (;;) {
        if (ctx.text === "loop") continue
        return { targetIndex: 0, classLabel: (await router.fetchJSON("${service.url}/word")).body.word }
      }
    }`,
    { script_http: { enabled: true, allow_hosts: ["127.0.0.1"], timeout_ms: 5000 } },
  )
  const patient = own.gateway.call("chat", SAMPLES.chat.request({ text: "wait" }))
  await asked.promise
  const looping = await own.gateway.call("chat", SAMPLES.chat.request({ text: "loop" }))
  expect(looping.status).toBe(502)
  waiting.resolve()
  const { status, requestId } = await patient
  expect(status).toBe(200)
  expect(own.gateway.records.trace(requestId)).toContainEqual(expect.objectContaining({ reason: "hello" }))
  await service.stop()
})
