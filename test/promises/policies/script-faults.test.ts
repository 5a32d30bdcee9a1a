/** A script that misbehaves ends its own call with `routing-policy-error`, and nobody else's. */
import { afterAll, beforeAll, expect, test } from "bun:test"
import { expectError } from "../../helpers/expectations.ts"
import { ALL_SAMPLES, SAMPLES } from "../../helpers/samples.ts"
import { sampledByKind } from "../../helpers/sample.ts"
import { policyReason, startScripts, type Scripted, type ScriptedGroup } from "../../helpers/scripted.ts"

/** By the word in the call's text: what the script does, and what is recorded of it. */
const MISDEEDS: Readonly<Record<string, readonly [string, string]>> = {
  spin: ["while (true) {}", "deadline"],
  "catch-spin": ["while (true) { try { while (true) {} } catch {} }", "deadline"],
  "native-spin": ["Array.prototype.indexOf.call({ length: 2 ** 52 }, 1)", "deadline"],
  search: ["'a'.repeat(300000).indexOf('a'.repeat(150000) + 'b')", "deadline"],
  "regular-expression": ["/(a+)+$/.test('a'.repeat(40) + 'b')", "deadline"],
  "async-spin": ["return (async () => { while (true) await 1 })()", "deadline"],
  "big-number": ["let n = 3n; for (let i = 0; i < 40; i++) n = n * n", "deadline"],
  copies: ["const a = []; while (true) a.push('x'.repeat(100000) + a.length)", "deadline"],
  memory: ["new ArrayBuffer(1 << 30)", "memory"],
  recursion: ["const f = () => f() + 1; f()", "stack"],
  // either the engine sees it coming or the host's own stack ends: both end the call
  "native-recursion": ["JSON.parse('['.repeat(100000))", "stack or threw"],
  throws: ["throw new RangeError(ctx.text)", "threw"],
  "throws-nothing": ["throw null", "threw"],
  "bad-getter": ["throw { get name() { throw 1 }, get stack() { throw 2 } }", "threw"],
  rejects: ["return Promise.reject(new Error('no'))", "threw"],
  "never-settles": ["return new Promise(() => {})", "never-settles"],
  nothing: ["", "bad-decision"],
  text: ["return 'first'", "bad-decision"],
  circle: ["const a: any = {}; a.a = a; return a", "bad-decision"],
  "no-number": ["return { targetIndex: '0' }", "bad-decision"],
  "half-index": ["return { targetIndex: 0.5 }", "bad-decision"],
  stranger: ["return { targetIndex: 2 }", "unknown-target"],
  "named-stranger": ["return { provider: 'plain', model: 'm1' }", "unknown-target"],
  "strange-fallback": ["return { targetIndex: 0, fallbackIndexes: [7] }", "unknown-target"],
  "no-network": ["return router.fetchJSON('http://127.0.0.1/')", "threw"],
}

const MISDEED_LIST = Object.entries(MISDEEDS)
const DRAWN = sampledByKind(MISDEED_LIST, ([, [, reason]]) => [reason], 1)
const FINE = "falls-back"

let router: Scripted

beforeAll(async () => {
  const limits = { script_limits: { deadline_ms: 20 } }
  const misdeeds = DRAWN.map(([word, [code]]) => [
    word,
    { source: `declare const router: any\nexport function route(ctx: any): any { ${code} }`, ...limits },
  ])
  router = await startScripts({
    ...(Object.fromEntries(misdeeds) as Record<string, ScriptedGroup>),
    secretive: `export function route(ctx: any): any {
      const error = new Error(ctx.text + ctx.targets[0].baseUrl); error.name = ctx.text; throw error }`,
    [FINE]: {
      source: "export function route(): any { while (true) {} }",
      script_limits: { on_error: "fallback", deadline_ms: 5 },
    },
    benched: {
      source: `export function route(ctx: any): any {
        if (ctx.text === "spin") while (true) {}
        return { targetIndex: 1 } }`,
      ...limits,
    },
  })
})

afterAll(() => router[Symbol.asyncDispose]())

for (const [index, [word, [, reason]]] of DRAWN.entries()) {
  const sample = ALL_SAMPLES[index % ALL_SAMPLES.length]!
  test(`${sample.dialect}: a call whose script does ${JSON.stringify(word)} ends alone, and its trace says ${reason}`, async () => {
    const answer = await router.gateway.call(sample.dialect, sample.request({ model: word, text: `<${word}>` }))
    expectError(answer, sample.dialect, 502, "routing-policy-error")
    expect(router.servedBy(`<${word}>`)).toEqual([])
    expect(reason.split(" or ")).toContain(policyReason(router, answer.requestId))
    const plain = SAMPLES.chat.request({ model: "plain" })
    expect((await router.gateway.call("chat", plain)).status).toBe(200)
  })
}

test("with on_error: fallback the configured order stands in", async () => {
  for (const sample of ALL_SAMPLES.slice(0, 2)) {
    const answer = await router.gateway.call(sample.dialect, sample.request({ model: FINE }))
    expect([answer.status, answer.text]).toEqual([200, sample.unary("first")])
    expect(policyReason(router, answer.requestId)).toBe("deadline")
  }
})

test("a script that had to be stopped three times is benched: its calls fail at once", async () => {
  const call = (text: string) => router.gateway.call("chat", SAMPLES.chat.request({ text, model: "benched" }))
  expect((await call("fine")).status).toBe(200)
  for (let stops = 0; stops < 3; stops++) expectError(await call("spin"), "chat", 502, "routing-policy-error")
  const answer = await call("fine")
  expectError(answer, "chat", 502, "routing-policy-error")
  expect(policyReason(router, answer.requestId)).toBe("benched")
  expect((await router.gateway.call("chat", SAMPLES.chat.request({ model: "plain" }))).status).toBe(200)
})

test("what a script throws is a part of the prompt: nobody writes it down", async () => {
  const body = SAMPLES.chat.request({ text: "a-very-secret-word", model: "secretive" })
  const answer = await router.gateway.call("chat", body)
  expectError(answer, "chat", 502, "routing-policy-error")
  expect(answer.text).not.toContain("a-very-secret-word")
  await router.gateway.stop()
  expect(router.gateway.records.leaks(["a-very-secret-word", ...router.gateway.prepared.secrets])).toEqual([])
})
