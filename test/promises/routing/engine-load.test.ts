/** A private engine that says that it is busy gets fewer calls; what it says when it lies or is silent does not count. */
import { afterAll, expect, test } from "bun:test"
import { eventually } from "../../helpers/client.ts"
import type { Setup } from "../../helpers/config.ts"
import { targetsOf } from "../../helpers/config.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import { startGateway } from "../../helpers/gateway.ts"
import { HeldClock } from "../../helpers/held-clock.ts"
import { SAMPLES } from "../../helpers/samples.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"

const INTERVAL_MS = 100
const alpha = (await FakeUpstream.start()).otherwise(vendorAnswer("alpha"))
const beta = (await FakeUpstream.start()).otherwise(vendorAnswer("beta"))
const waiting = { alpha: 0, beta: 0 }
const asked = { alpha: 0, beta: 0 }
const engine = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  fetch: (request) => {
    const name = request.url.endsWith("alpha") ? "alpha" : "beta"
    asked[name]++
    const own = waiting[name]
    return new Response(`vllm:num_requests_running 4\nvllm:num_requests_waiting ${own}\nvllm:kv_cache_usage_perc 0.1\n`)
  },
})

afterAll(async () => {
  await engine.stop(true)
  await Promise.all([alpha.stop(), beta.stop()])
})

test("calls go where nobody waits", async () => {
  const clock = new HeldClock()
  const setup: Setup = {
    upstreams: { alpha, beta },
    configure: (config) => {
      for (const [name, provider] of Object.entries(config.providers)) {
        if (!name.endsWith("-chat")) continue
        const url = `http://127.0.0.1:${engine.port}/metrics/${name.startsWith("alpha") ? "alpha" : "beta"}`
        provider["engine_metrics"] = { engine: "vllm", url, interval_ms: INTERVAL_MS, timeout_ms: 60_000 }
      }
      const terms = [{ name: "load", expression: "load_score" }]
      config.models["default"] = {
        strategy: "dynamic_score",
        routing_policy: { dynamic_score: { min_observations: 2, exploration_percent: 0, score_terms: terms } },
        targets: targetsOf(["alpha", "beta"]),
      }
    },
  }
  await using gateway = await startGateway(setup, { clock })
  const served = async (): Promise<readonly string[]> => {
    // when an engine is asked for the second time, its first answer is known
    const enough = { alpha: asked.alpha + 2, beta: asked.beta + 2 }
    await eventually("new readings", async () => {
      await clock.advance(INTERVAL_MS)
      return asked.alpha >= enough.alpha && asked.beta >= enough.beta ? true : undefined
    })
    const answers: string[] = []
    for (let sent = 0; sent < 6; sent++) {
      const { text } = await gateway.call("chat", SAMPLES.chat.request({ text: "hello" }))
      answers.push(text.includes("alpha") ? "alpha" : "beta")
    }
    return answers
  }
  await served()
  waiting.alpha = 12
  expect(new Set(await served())).toEqual(new Set(["beta"]))
  waiting.alpha = -1
  // alpha's load is unknown now and counts as half
  expect(new Set(await served())).toEqual(new Set(["beta"]))
  waiting.alpha = 0
  waiting.beta = 12
  expect(new Set(await served())).toEqual(new Set(["alpha"]))
})
