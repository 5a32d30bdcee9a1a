import { sampled } from "../../../test/helpers/sample.ts"
import { expect, test } from "bun:test"
import { computingClocks, systemClock } from "../../system/clock.ts"
import type { CallSource } from "./call-source.ts"
import type { ScriptFault } from "./fault.ts"
import { Sandbox } from "./sandbox.ts"

const LIMITS = { deadlineMs: 20, memoryBytes: 16_777_216, wallMs: 20 }
const MEGABYTE = "x".repeat(1_000_000)

/** A sandbox for `body` of `route(ctx)`, where no fetch is ever answered. */
function sandboxOf(body: string, deadlineMs = LIMITS.deadlineMs, clocks = computingClocks): Promise<Sandbox> {
  const code = `expose((ctx) => { const kept = ctx.text
    const fetched = router.fetchJSON("http://x/").then(() => kept, () => kept)
    ${body} })`
  const time = { clock: systemClock, clocks }
  return Sandbox.create(code, '{"group":"g","targets":[]}', { ...LIMITS, deadlineMs }, time)
}

function sourceOf(text: string, fetch: CallSource["fetch"] = () => new Promise(() => {})): CallSource {
  return {
    json: '{"caller":null,"context":{}}',
    places: "",
    counts: () => "{}",
    text: () => text,
    body: () => "{}",
    fetch,
  }
}

async function fateOf(sandbox: Sandbox, source: CallSource): Promise<string> {
  try {
    return await sandbox.call(source)
  } catch (error) {
    return (error as ScriptFault).kind
  }
}

/** What ends a call without a word to the next one. */
const ENDS: Readonly<Record<string, readonly [body: string, fate: string]>> = {
  "is decided at once": ["return 1", "1"],
  "is decided before the answer": ["return Promise.race([fetched, Promise.resolve(2)])", "2"],
  throws: ["throw new Error('no')", "threw"],
  "waits for too long": ["return fetched", "timeout"],
  "computes for too long": ["return Promise.resolve().then(() => { for (;;) {} })", "deadline"],
}

for (const [what, [body, fate]] of Object.entries(ENDS))
  test(`nothing stays of a call that ${what} while its fetch is under way`, async () => {
    const sandbox = await sandboxOf(body)
    // more than fit into its memory
    for (let calls = 0; calls < 20; calls++) expect(await fateOf(sandbox, sourceOf(MEGABYTE))).toBe(fate)
    expect([sandbox.ruined, sandbox.isIdle, sandbox.isCrowded()]).toEqual([false, true, false])
  })

test("calls that wait crowd it, a text that is too large does not", async () => {
  const sandbox = await sandboxOf("return fetched")
  expect(await fateOf(sandbox, sourceOf(MEGABYTE.repeat(15)))).toBe("too-large")
  expect(sandbox.isCrowded()).toBe(false)
  const waiting = Array.from({ length: 40 }, () => fateOf(sandbox, sourceOf(MEGABYTE)))
  expect([sandbox.isIdle, sandbox.isCrowded()]).toEqual([false, true])
  await Promise.all(waiting)
  expect([sandbox.isIdle, sandbox.isCrowded()]).toEqual([true, false])
})

test("an answer that comes after the call's end is nobody's", async () => {
  const sandbox = await sandboxOf("return Promise.race([fetched, Promise.resolve(2)])")
  const late = Promise.withResolvers<string>()
  expect(
    await fateOf(
      sandbox,
      sourceOf("a", () => late.promise),
    ),
  ).toBe("2")
  expect(await fateOf(sandbox, sourceOf("b"))).toBe("2")
  late.resolve('{"ok":true,"status":200,"body":1}')
  await late.promise
  expect(await fateOf(sandbox, sourceOf("c"))).toBe("2")
  expect(sandbox.ruined).toBe(false)
})

/** A machine on which everything takes eight times as long. */
const SLOW = { nowMs: () => computingClocks.nowMs() * 8, cpuMs: () => computingClocks.cpuMs() * 8 }

test("a slow machine makes no script late, and stops one that does not end all the same", async () => {
  const work = "const half = JSON.parse(JSON.stringify({ kept })).kept.length / 2"
  const sandbox = await sandboxOf(`if (kept === "spin") for (;;) {} ${work}; return half`, 50, SLOW)
  expect(await fateOf(sandbox, sourceOf(MEGABYTE))).toBe("500000")
  expect(await fateOf(sandbox, sourceOf(MEGABYTE.repeat(15)))).toBe("too-large")
  expect(await fateOf(sandbox, sourceOf("spin"))).toBe("deadline")
})

/** What stays behind when `route` has answered. */
const LEFT: Readonly<Record<string, string>> = {
  "a job": "Promise.resolve().then(() => { for (;;) {} }); return 1",
  "a job of a job": "Promise.resolve().then(() => 1).then(() => { for (;;) {} }); return 1",
  "jobs without end": "const again = () => Promise.resolve().then(again); again(); return 1",
  "an asynchronous function": "(async () => { await 1; for (;;) {} })(); return 1",
  "a job of its decision": "Promise.resolve().then(() => 1).then(() => { for (;;) {} }); return Promise.resolve(1)",
  "two jobs that spin": "for (let n = 0; n < 2; n++) Promise.resolve().then(() => { for (;;) {} }); return 1",
}

for (const [what, body] of sampled(Object.entries(LEFT), 2))
  test(`what a call leaves behind runs on its own time, and never on that of the next call: ${what}`, async () => {
    const sandbox = await sandboxOf(
      `if (ctx.text === "leave") { ${body} } return (async () => { await 1; return 2 })()`,
    )
    expect(await fateOf(sandbox, sourceOf("leave"))).toBe("deadline")
    const next = sandbox.ruined ? "in a fresh sandbox" : await fateOf(sandbox, sourceOf("next"))
    expect(["in a fresh sandbox", "2"]).toContain(next)
  })

test("a short job that a call leaves behind changes nothing of its answer", async () => {
  const sandbox = await sandboxOf("Promise.resolve().then(() => 1); return 1")
  expect(await fateOf(sandbox, sourceOf("a"))).toBe("1")
  expect(sandbox.ruined).toBe(false)
})

test("nothing is called back when the engine tidies up", async () => {
  const sandbox = await sandboxOf("return typeof FinalizationRegistry")
  expect(await fateOf(sandbox, sourceOf("a"))).toBe('"undefined"')
})

/** Everything that code can reach without making it: from the global object, by syntax, and from what a call is handed. */
const WALK = `
  const found = [globalThis, router, Object.getPrototypeOf(ctx), ctx.targets, kept]
  const make = (code) => (0, eval)(code)
  const steps = [async function () {}, function* () {}, async function* () {}, () => {}, async () => {}, class {},
    [].values(), new Map().keys(), new Set().keys(), ""[Symbol.iterator](), "".matchAll(/x/g), new Uint8Array(1).values(),
    [].values().map((x) => x), Iterator.from({ next() {} }), Iterator.concat([1]), Object.getPrototypeOf((function* () {})()),
    Object.getPrototypeOf((async function* () {})()), /x/, 1n, Symbol(), Promise.resolve(), new Proxy({}, {}), new Error("x"), new Date(0),
    new DataView(new ArrayBuffer(1)), new WeakRef({}), new AggregateError([]), (function () { return arguments })(),
    make("(function () { return arguments })()"), make("/x/g[Symbol.matchAll]('x')"), Object(1), Object(true), Object(""),
    fetched, Object.assign(() => {}, {}), (() => { try { null.x } catch (error) { return error } })(),
    (() => { try { make("(") } catch (error) { return error } })(), (() => { try { make("x.y") } catch (error) { return error } })()]
  for (const name of ["Iterator"]) for (const key of Reflect.ownKeys(globalThis[name]))
    if (key === "zip" || key === "zipKeyed" || key === "range") steps.push(globalThis[name][key]([[1]]))
  for (const key of Reflect.ownKeys(Iterator.prototype)) {
    if (typeof Iterator.prototype[key] !== "function") continue
    try { const made = [].values()[key]((x) => [x]); if (typeof made === "object" && made !== null) steps.push(made) } catch {}
  }
  for (const step of steps) found.push(Object.getPrototypeOf(step))
  const tag = ((strings) => strings)\`a\`
  found.push(tag)
  const callee = Object.getOwnPropertyDescriptor((function () { "use strict"; return arguments })(), "callee")
  if (callee) found.push(callee.get, callee.set)
  const seen = new Set(), open = []
  const names = new Map()
  const visit = (value, name) => {
    if ((typeof value !== "object" && typeof value !== "function") || value === null || seen.has(value)) return
    seen.add(value); names.set(value, name); found.push(value)
  }
  const first = found.splice(0)
  first.forEach((value, index) => visit(value, String(index)))
  for (const value of found) {
    const name = names.get(value)
    let frozen = !Object.isExtensible(value)
    for (const key of Reflect.ownKeys(value)) {
      const has = Object.getOwnPropertyDescriptor(value, key)
      if (has.configurable || has.writable) frozen = false
      for (const part of [has.value, has.get, has.set]) visit(part, name + "." + String(key))
    }
    if (!frozen) open.push(name + ":" + Object.prototype.toString.call(value))
    visit(Object.getPrototypeOf(value), name + ".__proto__")
  }
  return { seen: seen.size, open }`

test("every object that the language provides, however it is reached, can neither be changed nor extended", async () => {
  const sandbox = await sandboxOf(`const walk = () => { ${WALK} }; return walk()`, 2000)
  const { seen, open } = JSON.parse(await fateOf(sandbox, sourceOf("a"))) as { seen: number; open: readonly string[] }
  expect(open).toEqual([])
  expect(seen).toBeGreaterThan(600)
})
