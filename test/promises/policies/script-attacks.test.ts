/** A script, or a prompt that a script reads, that tries to break the router: its own call ends, or is decided as if nothing was. */
import { afterAll, beforeAll, expect, test } from "bun:test"
import { expectError } from "../../helpers/expectations.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import { flood, reply, stall } from "../../helpers/behaviours.ts"
import { ALL_SAMPLES, SAMPLES } from "../../helpers/samples.ts"
import { drawn, sampled, sampledByKind } from "../../helpers/sample.ts"
import { policyReason, startScripted, startScripts, type Scripted, type ScriptedGroup } from "../../helpers/scripted.ts"

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

const DRAWN = sampledByKind(Object.entries(ATTACKS), ([, [, allowed]]) => [allowed], 1)
const ENDS = "ends"
const SMALL = "small"

/** The group of an attack. */
const groupOf = (what: string): string => what.replaceAll(/\W+/g, "-")

/** A group with a script of its own for each attack, and `plain` for everybody else. */
let router: Scripted

beforeAll(async () => {
  const attacks = DRAWN.map(([what, [code]]) => [
    groupOf(what),
    {
      source: `declare const router: any\nexport function route(ctx: any): any { ${code} }`,
      script_limits: { max_memory_bytes: 16_777_216, deadline_ms: 30 },
    },
  ])
  router = await startScripts({
    ...(Object.fromEntries(attacks) as Record<string, ScriptedGroup>),
    [ENDS]: `export function route(ctx: any) {
      const half = ctx.text.charCodeAt(ctx.text.length - 1) === 0xd83d
      return { targetIndex: ctx.text.includes("secret") && half ? 1 : 0, classLabel: "chars-" + ctx.text.length } }`,
    [SMALL]: {
      source: "export function route(ctx: any) { return { targetIndex: ctx.text.length > 10 ? 1 : 0 } }",
      script_limits: { max_memory_bytes: 1_048_576 },
    },
  })
})

afterAll(() => router[Symbol.asyncDispose]())

async function servesOthers(): Promise<void> {
  const plain = await router.gateway.call("chat", SAMPLES.chat.request({ model: "plain" }))
  expect([plain.status, plain.text]).toEqual([200, SAMPLES.chat.unary("first")])
}

for (const [what, [, allowed]] of DRAWN) {
  test(`a script that ${what} ends no call but its own, and the trace says ${allowed}`, async () => {
    const text = `attacked <${what}>`
    const [answer] = await Promise.all([
      router.gateway.call("chat", SAMPLES.chat.request({ model: groupOf(what), text })),
      servesOthers(),
    ])
    expect(allowed.split(" or ")).toContain(policyReason(router, answer.requestId))
    if (answer.status !== 200) expectError(answer, "chat", 502, "routing-policy-error")
    expect(router.servedBy(text)).toHaveLength(answer.status === 200 ? 1 : 0)
    expect(router.gateway.records.usage(answer.requestId)).toHaveLength(1)
    await servesOthers()
  })
}

test.each(drawn(ALL_SAMPLES).map((sample) => [sample.dialect, sample] as const))(
  "%s: a prompt cannot hide its end from a script",
  async (dialect, sample) => {
    for (const text of ["before\0the secret \ud83d", "the secret \ud83d", `${"é".repeat(3000)}\0the secret \ud83d`]) {
      const answer = await router.gateway.call(dialect, sample.request({ text, model: ENDS }))
      expect([answer.status, answer.text]).toEqual([200, sample.unary("second")])
      expect(policyReason(router, answer.requestId)).toBe(`chars-${text.length}`)
    }
  },
)

test("a prompt that does not fit into the script's memory ends its call alone", async () => {
  const call = (text: string) => router.gateway.call("chat", SAMPLES.chat.request({ text, model: SMALL }))
  const sizes = [700_000, 1_500_000, 16_000_000, 17_000_000, 30_000_000]
  for (const text of sampled(sizes, 2).map((size) => (size < 1e6 ? "ü" : "x").repeat(size))) {
    const [huge, small] = await Promise.all([call(text), call("small but long"), servesOthers()])
    expectError(huge, "chat", 502, "routing-policy-error")
    expect(policyReason(router, huge.requestId)).toBe("too-large")
    expect(small.status).toBe(200)
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
  const label = async (text: string): Promise<string> => {
    const { requestId } = await own.gateway.call("chat", SAMPLES.chat.request({ text }))
    return policyReason(own, requestId)
  }
  const hanging = Array.from({ length: 8 }, () => label("hang"))
  const floods = Array.from({ length: 2 }, () => label("flood"))
  const plain = await own.gateway.call("chat", SAMPLES.chat.request({ model: "plain" }))
  expect(plain.status).toBe(200)
  expect(new Set(await Promise.all(hanging))).toEqual(new Set(["timeout-8.too-many-92"]))
  for (const fates of await Promise.all(floods)) expect(fates).toMatch(/^(?:too-large|timeout)-8\.too-many-92$/u)
  await service.stop()
})
