import { expect, test } from "bun:test"
import { computingClocks, systemClock } from "../../system/clock.ts"
import type { CallSource } from "./call-source.ts"
import type { ScriptFault } from "./fault.ts"
import { Sandbox } from "./sandbox.ts"

const LIMITS = { deadlineMs: 50, memoryBytes: 16_777_216, wallMs: 20 }
const MEGABYTE = "x".repeat(1_000_000)

/** A sandbox for `body` of `route(ctx)`, where no fetch is ever answered. */
function sandboxOf(body: string): Promise<Sandbox> {
  const code = `expose((ctx) => { const kept = ctx.text
    const fetched = router.fetchJSON("http://x/").then(() => kept, () => kept)
    ${body} })`
  return Sandbox.create(code, '{"group":"g","targets":[]}', LIMITS, { clock: systemClock, clocks: computingClocks })
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
    for (let calls = 0; calls < (fate === "deadline" ? 20 : 50); calls++)
      expect(await fateOf(sandbox, sourceOf(MEGABYTE))).toBe(fate)
    expect([sandbox.ruined, sandbox.isIdle, sandbox.isCrowded()]).toEqual([false, true, false])
  }, 30_000)

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
