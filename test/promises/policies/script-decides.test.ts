/** Strategy `script`: the script's decision is the order of the call, in every dialect. */
import { expect, test } from "bun:test"
import { reply } from "../../helpers/behaviours.ts"
import { expectError } from "../../helpers/expectations.ts"
import { ALL_SAMPLES } from "../../helpers/samples.ts"
import { startScripted } from "../../helpers/scripted.ts"

for (const sample of ALL_SAMPLES) {
  test(`${sample.dialect}: by index, by name, by size`, async () => {
    await using router = await startScripted(`
      export function route(ctx: any) {
        if (ctx.text.includes("by-name")) return { provider: "second-" + ctx.targets[0].provider.split("-")[1], model: "m1" }
        return { targetIndex: ctx.context.textChars > 100 ? 1 : 0, classLabel: "size" }
      }`)
    for (const [text, server] of [
      ["short", "first"],
      [`long ${"x".repeat(200)}`, "second"],
      ["by-name", "second"],
    ] as const) {
      const answer = await router.gateway.call(sample.dialect, sample.request({ text }))
      expect([text, answer.status, answer.text]).toEqual([text, 200, sample.unary(server)])
    }
  })

  test(`${sample.dialect}: fallbacks omitted, present, empty`, async () => {
    await using router = await startScripted(`
      export function route(ctx: any) {
        if (ctx.text.includes("omitted")) return { targetIndex: 1 }
        if (ctx.text.includes("present")) return { targetIndex: 1, fallbackIndexes: [0] }
        return { targetIndex: 1, fallbackIndexes: [] }
      }`)
    router.second.otherwise(reply("", { status: 500 }))
    const call = (text: string) => router.gateway.call(sample.dialect, sample.request({ text }))
    expect((await call("omitted")).status).toBe(200)
    expect((await call("present")).status).toBe(200)
    const answer = await call("nothing else")
    expectError(answer, sample.dialect, 502, "upstream-failed")
    expect(router.servedBy("nothing else")).toEqual(["second"])
  })
}
