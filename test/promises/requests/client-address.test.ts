/** The caller's address is the connection's; a header counts only behind a proxy that the configuration trusts. */
import { expect, test } from "bun:test"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import { startGateway } from "../../helpers/gateway.ts"
import { SAMPLES } from "../../helpers/samples.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"

const CLIENT = "203.0.113.7"

async function recordedAddress(clientIp: unknown, headers: Readonly<Record<string, string>>): Promise<string | null> {
  const upstream = (await FakeUpstream.start()).otherwise(vendorAnswer())
  await using gateway = await startGateway({
    upstreams: { upstream },
    configure: (config) => {
      if (clientIp !== undefined) config.server["client_ip"] = clientIp
    },
  })
  const answer = await gateway.call("chat", SAMPLES.chat.request(), { headers })
  await upstream.stop()
  return gateway.records.usage(answer.requestId)[0]!.caller_ip
}

test("without trusted proxies headers say nothing", async () => {
  expect(await recordedAddress(undefined, { "x-forwarded-for": CLIENT, "x-real-ip": CLIENT })).toBe("127.0.0.1")
})

test("a trusted proxy names the client, in the configured order of headers", async () => {
  const trusted = { trusted_proxy_cidrs: ["127.0.0.0/8"] }
  expect(await recordedAddress(trusted, { "x-forwarded-for": CLIENT })).toBe(CLIENT)
  expect(await recordedAddress(trusted, { "x-real-ip": CLIENT })).toBe(CLIENT)
  expect(await recordedAddress(trusted, {})).toBe("127.0.0.1")
  const order = { ...trusted, header_order: ["X-Real-IP", "X-Forwarded-For"] }
  expect(await recordedAddress(order, { "x-forwarded-for": "198.51.100.1", "x-real-ip": CLIENT })).toBe(CLIENT)
})

test("what a client made up in front of the proxy's entry does not count, and neither does nonsense", async () => {
  const trusted = { trusted_proxy_cidrs: ["127.0.0.0/8"] }
  expect(await recordedAddress(trusted, { "x-forwarded-for": `198.51.100.1, ${CLIENT}` })).toBe(CLIENT)
  expect(await recordedAddress(trusted, { "x-forwarded-for": `${CLIENT}, 127.0.0.9` })).toBe(CLIENT)
  expect(await recordedAddress(trusted, { "x-forwarded-for": "<script>" })).toBe("127.0.0.1")
})

test("store_ip: false keeps no address", async () => {
  expect(await recordedAddress({ store_ip: false }, {})).toBeNull()
})
