import { expect, test } from "bun:test"
import { vendorAnswer } from "/tmp/wt/cache/test/helpers/vendor.ts"
import { FakeUpstream } from "/tmp/wt/cache/test/helpers/fake-upstream.ts"
import { startGateway } from "/tmp/wt/cache/test/helpers/gateway.ts"
import { caching, cacheable, cacheOf } from "/tmp/wt/cache/test/helpers/caching.ts"
import { ALL_PAIRS, groupOf } from "/tmp/wt/cache/test/helpers/translating.ts"
test("x", async () => {
  const upstream = (await FakeUpstream.start()).otherwise(vendorAnswer("Hello from afar"))
  await using gateway = await startGateway({ upstreams: { u: upstream }, configure: (c) => caching(c, ["u"], { streams: true }) })
  for (const [client, target] of ALL_PAIRS) {
    const out = []
    for (const stream of [false, false, true]) {
      const body = cacheable(client, { model: groupOf("u", target), text: `q ${client}`, stream })
      const a = await gateway.call(client, body)
      out.push([a.status, cacheOf(a), a.headers.get("age"), a.text.length])
      if (stream && client!==target) console.log(a.text.slice(0,3000))
      const row = gateway.records.usage(a.requestId)[0] as any
      out.push([row.cache, row.cache_reason, row.cache_saved_input_tokens, row.cache_saved_nano_usd, row.total_cost_nano_usd, row.cache_bytes])
    }
    console.log(client, target, JSON.stringify(out))
  }
  console.log(upstream.exchanges.length)
  await upstream.stop()
})
