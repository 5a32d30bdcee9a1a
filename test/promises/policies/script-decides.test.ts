/** Strategy `script`: the script's decision is the order of the call, in every dialect. */
import { afterAll, beforeAll, expect, test } from "bun:test"
import { reply } from "../../helpers/behaviours.ts"
import { expectError } from "../../helpers/expectations.ts"
import { ALL_SAMPLES } from "../../helpers/samples.ts"
import { startScripts, type Scripted } from "../../helpers/scripted.ts"

let router: Scripted

beforeAll(async () => {
  router = await startScripts({
    chooses: `export function route(ctx: any) {
      if (ctx.text.includes("by-name")) return { provider: "second-" + ctx.targets[0].provider.split("-")[1], model: "m1" }
      return { targetIndex: ctx.context.textChars > 100 ? 1 : 0, classLabel: "size" } }`,
    "falls-back": `export function route(ctx: any) {
      if (ctx.text.includes("omitted")) return { targetIndex: 1 }
      if (ctx.text.includes("present")) return { targetIndex: 1, fallbackIndexes: [0] }
      return { targetIndex: 1, fallbackIndexes: [] } }`,
  })
})

afterAll(() => router[Symbol.asyncDispose]())

for (const sample of ALL_SAMPLES)
  test(`${sample.dialect}: a script chooses a target by index, by name and by size`, async () => {
    for (const [text, server] of [
      ["short", "first"],
      [`long ${"x".repeat(200)}`, "second"],
      ["by-name", "second"],
    ] as const) {
      const answer = await router.gateway.call(sample.dialect, sample.request({ text, model: "chooses" }))
      expect([text, answer.status, answer.text]).toEqual([text, 200, sample.unary(server)])
    }
  })

for (const sample of ALL_SAMPLES)
  test(`${sample.dialect}: fallbacks that a script leaves out are all others, and those that it names are all there are`, async () => {
    router.second.otherwise(reply("", { status: 500 }))
    const call = (text: string) =>
      router.gateway.call(sample.dialect, sample.request({ text: `${text} ${sample.dialect}`, model: "falls-back" }))
    expect((await call("omitted")).status).toBe(200)
    expect((await call("present")).status).toBe(200)
    const answer = await call("nothing else")
    expectError(answer, sample.dialect, 502, "upstream-failed")
    expect(router.servedBy(`nothing else ${sample.dialect}`)).toEqual(["second"])
  })
