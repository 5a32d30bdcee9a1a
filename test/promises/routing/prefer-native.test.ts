/** The order of the configuration, or the client's dialect first where the group prefers it. */
import { afterAll, beforeAll, expect, test } from "bun:test"
import { reply } from "../../helpers/behaviours.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import { startGateway, type LocalGateway } from "../../helpers/gateway.ts"
import { DIALECTS, SAMPLES, type Dialect } from "../../helpers/samples.ts"
import { allowAll, translating } from "../../helpers/translating.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"

let upstream: FakeUpstream
let gateway: LocalGateway

beforeAll(async () => {
  upstream = (await FakeUpstream.start()).otherwise(vendorAnswer())
  gateway = await startGateway({
    upstreams: { upstream },
    configure: (config) => {
      translating(config, ["upstream"])
      const targets = DIALECTS.map((dialect) => ({ provider: `upstream-${dialect}`, model: `of-${dialect}` }))
      for (const strategy of ["static", "failover"]) {
        config.models[strategy] = { strategy, targets }
        config.models[`${strategy}-native`] = { strategy, targets, prefer_native: true }
      }
      allowAll(config)
    },
  })
})
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream.stop()
})

let count = 0
/** The paths that a call was sent to, the first one refusing where it is told to. */
async function paths(dialect: Dialect, model: string, isRefused = false): Promise<readonly string[]> {
  const text = `order <${++count}>`
  if (isRefused) upstream.plan(text, reply("{}", { status: 500 }), vendorAnswer())
  const answer = await gateway.call(dialect, SAMPLES[dialect].request({ model, text }))
  expect(answer.status).toBe(200)
  return upstream.received(text).map(({ request }) => request.target)
}

test.each(["static", "failover"])("%s", async (strategy) => {
  const [chat, responses, messages] = DIALECTS.map((dialect) => SAMPLES[dialect].path)
  for (const dialect of DIALECTS) expect(await paths(dialect, strategy)).toEqual([chat!])
  for (const dialect of DIALECTS) expect(await paths(dialect, `${strategy}-native`)).toEqual([SAMPLES[dialect].path])
  // behind the native one the others stand as they are listed
  expect(await paths("messages", `${strategy}-native`, true)).toEqual([messages!, chat!])
  expect(await paths("responses", `${strategy}-native`, true)).toEqual([responses!, chat!])
  expect(await paths("chat", `${strategy}-native`, true)).toEqual([chat!, responses!])
})
