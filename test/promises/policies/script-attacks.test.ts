/** A script, or a prompt that a script reads, that tries to break the router: its own call ends, or is decided as if nothing was. */
import { afterAll, beforeAll, expect, test } from "bun:test"
import { writeFileSync } from "node:fs"
import path from "node:path"
import { expectError } from "../../helpers/expectations.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import { flood, reply, stall } from "../../helpers/behaviours.ts"
import { ALL_SAMPLES, SAMPLES } from "../../helpers/samples.ts"
import { startScripted, startWith, type Scripted } from "../../helpers/scripted.ts"

const UNSAFE = "unsafe_class_label"
const MEGABYTES_10 = 10_000_000

/** What `route` does, and what the call's trace says of it. */
const ATTACKS: Readonly<Record<string, readonly [code: string, said: string]>> = {
  "loops in a getter of its decision": ["return { get targetIndex() { while (true) {} } }", "deadline"],
  "loops in toJSON": ["return { toJSON() { while (true) {} } }", "deadline"],
  "loops in toString of its label": [
    "return { targetIndex: 0, classLabel: { toString() { while (true) {} } } }",
    UNSAFE,
  ],
  "loops in then": ["return { get then() { while (true) {} } }", "deadline"],
  "loops in a thenable": ["return { then() { while (true) {} } }", "deadline"],
  "loops in an error's name": ["throw { get name() { while (true) {} } }", "deadline"],
  "loops in a trap": ["return new Proxy({}, { get() { while (true) {} }, ownKeys() { while (true) {} } })", "deadline"],
  "answers by a proxy": ["return new Proxy({ targetIndex: 1 }, {})", "decided"],
  "answers by accessors that change": [
    "let asked = 0; return { get targetIndex() { return asked++ === 0 ? 1 : 7 } }",
    "decided",
  ],
  "answers by a proxy of all indexes": [
    "return { targetIndex: 0, fallbackIndexes: new Proxy([], { get: () => 1 }) }",
    "bad-decision or decided",
  ],
  "catches its own end": ["for (;;) try { for (;;) {} } catch {} finally { continue }", "deadline"],
  "loops in a finalizer of a generator": [
    "const g = (function* () { try { yield 1 } finally { while (true) {} } })(); for (const x of g) break",
    "deadline",
  ],
  "compiles code without end": ["for (;;) new Function('return ' + Math.random())", "deadline"],
  "evaluates code": ["return { targetIndex: (0, eval)('1') }", "decided"],
  "recurs by getters": ["const o: any = { get a() { return this.a } }; return o.a", "stack"],
  "recurs in its decision": [
    "let o: any = {}; for (let i = 0; i < 200000; i++) o = { o }; return o",
    "stack or bad-decision or deadline",
  ],
  "nests arrays in its decision": [
    "let o: any = []; for (let i = 0; i < 200000; i++) o = [o]; return { targetIndex: 1, o }",
    "stack or bad-decision or deadline",
  ],
  "grows a text": ["let s = 'x'; for (;;) s += s", "threw or memory or deadline"],
  "grows a list": ["const a: any[] = []; for (;;) a.push(a.slice())", "memory or threw or deadline"],
  "grows typed arrays": [
    "const a: any[] = []; for (;;) a.push(new Float64Array(1 << 20))",
    "memory or threw or deadline",
  ],
  "grows a map of symbols": [
    "const m = new Map(); for (;;) m.set(Symbol('x'), 'y'.repeat(1000) + m.size)",
    "memory or threw or deadline",
  ],
  "fills a sparse list": [
    "const a: any[] = []; a.length = 2 ** 32 - 1; return { targetIndex: 1, a: a.fill(1) }",
    "memory or threw or deadline",
  ],
  "joins a huge list": ["return { targetIndex: 0, x: new Array(2 ** 31).join('ab') }", "memory or threw or deadline"],
  "names no number": ["return { targetIndex: NaN }", "bad-decision"],
  "names infinity": ["return { targetIndex: Infinity }", "bad-decision"],
  "names minus zero": ["return { targetIndex: -0 }", "decided"],
  "names a huge index": ["return { targetIndex: 1e300 }", "unknown-target"],
  "names 2 to the 32nd": ["return { targetIndex: 4294967296 }", "unknown-target"],
  "names a big integer": ["return { targetIndex: 1n }", "bad-decision"],
  "names a property of lists": ["return { targetIndex: 'length' }", "bad-decision"],
  "names the prototype": ['return JSON.parse(\'{"__proto__":{"targetIndex":1}}\')', "bad-decision"],
  "names a million fallbacks": [
    "return { targetIndex: 1, fallbackIndexes: new Array(1e6).fill(1) }",
    "decided or deadline",
  ],
  "labels with half a character": ["return { targetIndex: 1, classLabel: '\\ud800' }", UNSAFE],
  "labels with NUL": ["return { targetIndex: 1, classLabel: 'a\\u0000b' }", UNSAFE],
  "labels with a line": ["return { targetIndex: 1, classLabel: 'a\\nb' }", UNSAFE],
  "labels with 10 MB": [`return { targetIndex: 1, classLabel: 'x'.repeat(${MEGABYTES_10}) }`, `${UNSAFE} or deadline`],
  "adds 10 MB of metadata": [`return { targetIndex: 1, metadata: 'x'.repeat(${MEGABYTES_10}) }`, "decided or deadline"],
  "imports a module": ["return (0, eval)('import(\"node:fs\")').then(() => ({ targetIndex: 1 }))", "threw"],
  "imports its own file": ["return (0, eval)('import(\"./route.ts\")').then(() => ({ targetIndex: 1 }))", "threw"],
  "looks for WebAssembly": ["return new (globalThis as any).WebAssembly.Memory({ initial: 1e5 })", "threw"],
  sleeps: ["return Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10000)", "threw"],
  "sleeps for ever": ["return Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)", "threw"],
  "throws a promise that loops": ["throw new Promise(() => { for (;;) {} })", "deadline"],
  "rejects with itself": ["const p: any = Promise.resolve().then(() => p); return p", "threw"],
  "chains promises without end": ["const f = (): any => Promise.resolve().then(f); return f()", "deadline"],
  "resolves twice": ["return new Promise((y, n) => { y({ targetIndex: 1 }); n(1); y({ targetIndex: 7 }) })", "decided"],
  "keeps its router for later": ["(ctx as any).constructor; (router as any).fetchJSON.call({}, 'http://x')", "threw"],
}

/** A group with a script of its own for each attack, and `plain` for everybody else. */
let router: Scripted

beforeAll(async () => {
  router = await startWith(
    () => ({ strategy: "failover" }),
    (config, directory) => {
      const groups = Object.values(ATTACKS).map(([code], index): [string, Record<string, unknown>] => {
        const source = `declare const router: any\nexport function route(ctx: any): any { ${code} }`
        writeFileSync(path.join(directory, `${index}.ts`), source)
        const limits = { max_memory_bytes: 16_777_216, deadline_ms: 50 }
        const targets = config.models["default"]?.["targets"]
        return [`attack-${index}`, { strategy: "script", script: `${index}.ts`, script_limits: limits, targets }]
      })
      Object.assign(config.models, Object.fromEntries(groups))
      config.callers[0] = { ...config.callers[0], allow: ["plain", ...groups.map(([name]) => name)] }
    },
  )
})

afterAll(() => router[Symbol.asyncDispose]())

async function servesOthers(): Promise<void> {
  const plain = await router.gateway.call("chat", SAMPLES.chat.request({ model: "plain" }))
  expect([plain.status, plain.text]).toEqual([200, SAMPLES.chat.unary("first")])
}

function said(requestId: string): string {
  return String(router.gateway.records.trace(requestId).find(({ event }) => event === "policy_execution")?.reason)
}

for (const [index, [what, [, allowed]]] of Object.entries(ATTACKS).entries()) {
  test(`a script that ${what}: ${allowed}`, async () => {
    const text = `attacked <${index}>`
    const [answer] = await Promise.all([
      router.gateway.call("chat", SAMPLES.chat.request({ model: `attack-${index}`, text })),
      ...Array.from({ length: 3 }, servesOthers),
    ])
    expect(allowed.split(" or ")).toContain(said(answer.requestId))
    if (answer.status !== 200) expectError(answer, "chat", 502, "routing-policy-error")
    expect(router.servedBy(text)).toHaveLength(answer.status === 200 ? 1 : 0)
    expect(router.gateway.records.usage(answer.requestId)).toHaveLength(1)
    await servesOthers()
  })
}

test.each(ALL_SAMPLES.map((sample) => [sample.dialect, sample] as const))(
  "%s: a prompt cannot hide its end from a script",
  async (dialect, sample) => {
    await using own = await startScripted(
      `export function route(ctx: any) {
        const half = ctx.text.charCodeAt(ctx.text.length - 1) === 0xd83d
        return { targetIndex: ctx.text.includes("secret") && half ? 1 : 0, classLabel: "chars-" + ctx.text.length } }`,
    )
    for (const text of ["before\0the secret \ud83d", "the secret \ud83d", `${"é".repeat(3000)}\0the secret \ud83d`]) {
      const answer = await own.gateway.call(dialect, sample.request({ text }))
      expect([answer.status, answer.text]).toEqual([200, sample.unary("second")])
      const events = own.gateway.records.trace(answer.requestId)
      expect(events).toContainEqual(expect.objectContaining({ reason: `chars-${text.length}` }))
    }
  },
)

test("a prompt that does not fit into the script's memory ends its call alone", async () => {
  await using own = await startScripted(
    "export function route(ctx: any) { return { targetIndex: ctx.text.length > 10 ? 1 : 0 } }",
    { script_limits: { max_memory_bytes: 1_048_576, deadline_ms: 1000 } },
  )
  const call = (text: string) => own.gateway.call("chat", SAMPLES.chat.request({ text }))
  for (const text of [
    "x".repeat(1_500_000),
    "ü".repeat(700_000),
    "x".repeat(16_000_000),
    "x".repeat(17_000_000),
    "x".repeat(30_000_000),
  ]) {
    const [huge, small, plain] = await Promise.all([
      call(text),
      call("small but long"),
      own.gateway.call("chat", SAMPLES.chat.request({ model: "plain" })),
    ])
    expectError(huge, "chat", 502, "routing-policy-error")
    expect(own.gateway.records.trace(huge.requestId)).toContainEqual(expect.objectContaining({ reason: "too-large" }))
    expect([small.status, plain.status]).toEqual([200, 200])
  }
})

test("floods of fetches: eight in a call, and calls that hang hold up nobody", async () => {
  const service = (await FakeUpstream.start()).otherwise(stall)
  service.plan("/flood", flood([], "x".repeat(65_536))).plan("/fine", reply('{"word":"fine"}'))
  await using own = await startScripted(
    `declare const router: any
    export async function route(ctx: any) {
      const all = Array.from({ length: 100 }, (_, n) => router.fetchJSON("${service.url}/" + ctx.text + "?" + n).then(
        () => "ok", (error: any) => error.code))
      const fates = await Promise.all(all.slice(0, ctx.text === "fine" ? 1 : 100))
      const count = (fate: string) => fate + "-" + fates.filter((one) => one === fate).length
      return { targetIndex: 1, classLabel: [...new Set(fates)].sort().map(count as any).join(".") } }`,
    { script_http: { enabled: true, allow_hosts: ["127.0.0.1"], timeout_ms: 300 } },
  )
  const label = async (text: string): Promise<unknown> => {
    const { requestId } = await own.gateway.call("chat", SAMPLES.chat.request({ text }))
    return own.gateway.records.trace(requestId).find(({ event }) => event === "policy_execution")?.reason
  }
  const hanging = Array.from({ length: 20 }, () => label("hang"))
  const floods = Array.from({ length: 5 }, () => label("flood"))
  const plain = await own.gateway.call("chat", SAMPLES.chat.request({ model: "plain" }))
  expect(plain.status).toBe(200)
  expect(new Set(await Promise.all(hanging))).toEqual(new Set(["timeout-8.too-many-92"]))
  for (const fates of await Promise.all(floods))
    expect(String(fates)).toMatch(/^(?:too-large|timeout)-8\.too-many-92$/u)
  await service.stop()
})
