/** What one caller's calls do to a script, the calls of others do not notice. */
import { expect, test } from "bun:test"
import { writeFileSync } from "node:fs"
import path from "node:path"
import { reply, stall } from "../../helpers/behaviours.ts"
import { eventually } from "../../helpers/client.ts"
import { callerEntry, newToken } from "../../helpers/config.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import { ALL_SAMPLES, SAMPLES } from "../../helpers/samples.ts"
import { policyReason, startScripted, startWith, type Scripted } from "../../helpers/scripted.ts"

const OTHERS = ["b", "c", "d"].map((name) => ({ name, token: newToken(`${name}1`) }))

/** With callers beside the usual one. */
async function startShared(script: string): Promise<Scripted> {
  return startWith(
    (directory) => {
      writeFileSync(path.join(directory, "route.ts"), script)
      return { strategy: "script", script: "route.ts", script_limits: { max_memory_bytes: 8_388_608 } }
    },
    (config) => {
      config.server["request"] = { max_values: 1_000_000 }
      for (const { name, token } of OTHERS) config.callers.push(callerEntry(name, token, ["default"]))
    },
  )
}

async function reason(router: Scripted, body: string, token = router.gateway.token): Promise<string> {
  const { requestId } = await router.gateway.call("chat", body, { token })
  return policyReason(router, requestId)
}

const chat = (text: string, extra = {}): string => SAMPLES.chat.request({ text, extra })

const EFFORTS: Readonly<Record<string, (effort: string) => Record<string, unknown>>> = {
  chat: (effort) => ({ reasoning_effort: effort }),
  responses: (effort) => ({ reasoning: { effort } }),
  messages: (effort) => ({ output_config: { effort } }),
}

test("a script is told a word of a client's wish to reason, however long that is", async () => {
  await using router = await startScripted(`export function route(ctx: any) {
    return { targetIndex: 0, classLabel: "effort-" + ctx.context.reasoning.effort } }`)
  for (const sample of ALL_SAMPLES) {
    for (const [effort, told] of [
      ["x".repeat(2_000_000), "other"],
      ["x".repeat(33), "other"],
      ["very high", "other"],
      ["x-high_2", "x-high_2"],
    ] as const) {
      const extra = EFFORTS[sample.dialect]!(effort)
      const { requestId } = await router.gateway.call(sample.dialect, sample.request({ extra }))
      expect(policyReason(router, requestId)).toBe(`effort-${told}`)
    }
  }
})

test("bodies that are too much for a script bench it for their caller, and for nobody else", async () => {
  await using router = await startShared(`export function route(ctx: any) {
    return { targetIndex: 1, classLabel: "members-" + Object.keys(ctx.request).length } }`)
  const dense = chat("hello", { metadata: { dense: Array.from({ length: 300_000 }, () => []) } })
  for (let stops = 0; stops < 3; stops++) expect(await reason(router, dense)).toMatch(/^(?:deadline|memory)$/)
  expect(await reason(router, chat("hello"))).toBe("benched")
  for (const { token } of OTHERS) expect(await reason(router, dense, token)).toMatch(/^(?:deadline|memory)$/)
  for (const { token } of OTHERS) expect(await reason(router, chat("hello"), token)).toBe("members-2")
})

test("a script that several callers' calls had to be stopped in is benched for all", async () => {
  await using router = await startShared(`export function route(ctx: any) {
    if (ctx.text === "spin") for (;;) {}
    return { targetIndex: 1, classLabel: "fine" } }`)
  const [b, c, d] = OTHERS.map(({ token }) => token)
  for (let stops = 0; stops < 3; stops++) expect(await reason(router, chat("spin"))).toBe("deadline")
  expect(await reason(router, chat("hello"), b)).toBe("fine")
  for (const token of [b, c]) expect(await reason(router, chat("spin"), token)).toBe("deadline")
  expect(await reason(router, chat("hello"), d)).toBe("benched")
})

test("calls that wait and fill the memory of a script keep no other out of it", async () => {
  const answered = Promise.withResolvers<void>()
  const service = (await FakeUpstream.start()).otherwise(async (exchange) => {
    await answered.promise
    await reply("{}", { headers: { "content-type": "application/json" } })(exchange)
  })
  await using router = await startScripted(
    `declare const router: any
    export async function route(ctx: any) {
      const kept = ctx.text
      if (kept.startsWith("wait")) await router.fetchJSON("${service.url}/x")
      return { targetIndex: 1, classLabel: "chars-" + kept.length } }`,
    {
      script_http: { enabled: true, allow_hosts: ["127.0.0.1"], timeout_ms: 5000 },
      script_limits: { max_memory_bytes: 4_194_304 },
    },
  )
  const waiting = Array.from({ length: 40 }, () => reason(router, chat("wait".padEnd(250_000, "."))))
  await eventually("all wait", () => (service.exchanges.length === 40 ? true : undefined))
  expect(await reason(router, chat("x".repeat(500_000)))).toBe("chars-500000")
  answered.resolve()
  expect(new Set(await Promise.all(waiting))).toEqual(new Set(["chars-250000"]))
  await service.stop()
})

test("what calls leave as garbage keeps no other out", async () => {
  const service = (await FakeUpstream.start()).otherwise(stall)
  await using router = await startScripted(
    `declare const router: any
    export function route(ctx: any) {
      const kept = ctx.text
      const forgotten = async () => {
        const own = router.fetchJSON("${service.url}/x").then(() => 1)
        await own
        return [kept, own]
      }
      return Promise.race([forgotten(), { targetIndex: 1, classLabel: "chars-" + kept.length }]) }`,
    {
      script_http: { enabled: true, allow_hosts: ["127.0.0.1"], timeout_ms: 5000 },
      script_limits: { max_memory_bytes: 4_194_304 },
    },
  )
  // more than its memory holds
  const body = chat("x".repeat(250_000))
  for (let calls = 0; calls < 40; calls++) expect(await reason(router, body)).toBe("chars-250000")
  await service.stop()
})
