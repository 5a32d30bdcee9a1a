/** What the holder of a token may see is for it alone: no cache on the way keeps a copy. */
import { afterAll, beforeAll, expect, test } from "bun:test"
import { reply } from "../../helpers/behaviours.ts"
import { get } from "../../helpers/client.ts"
import { callerEntry, newToken } from "../../helpers/config.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import { startGateway, type Gateway } from "../../helpers/gateway.ts"
import { SAMPLES } from "../../helpers/samples.ts"

let upstream: FakeUpstream
let gateway: Gateway
const watcher = newToken("watcher")

beforeAll(async () => {
  upstream = (await FakeUpstream.start()).otherwise(reply(SAMPLES.responses.unary()))
  gateway = await startGateway({
    upstreams: { upstream },
    configure: (config) => {
      config.callers.push(callerEntry("watcher", watcher, ["default"], { metrics_admin: true }))
    },
  })
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream.stop()
})

const PATHS = [
  "/v1/usage",
  "/v1/models",
  "/v1/models/default",
  "/v1/models/absent",
  "/v1/codex/models.json",
  "/anthropic/v1/models",
  "/v1/responses/resp_absent",
  "/metrics",
]

test.each(PATHS)("GET %s says that it is not to be stored, whatever it answers", async (path) => {
  for (const token of [watcher, null, newToken()])
    for (const headers of [{}, token === null ? {} : { "x-api-key": token }]) {
      const answer = await get(gateway, path, { token: "x-api-key" in headers ? null : token, headers })
      expect([answer.status, answer.headers.get("cache-control")]).toEqual([answer.status, "no-store"])
    }
})

test("a stored response is not to be stored on its way", async () => {
  const marker = "kept response"
  const request = SAMPLES.responses.request({ text: marker, extra: { store: true } })
  expect((await gateway.call("responses", request)).status).toBe(200)
  const answer = await get(gateway, "/v1/responses/resp_1")
  expect([answer.status, answer.headers.get("cache-control")]).toEqual([200, "no-store"])
})

test("pages that are for everybody are not kept from caches", async () => {
  for (const path of ["/docs/", "/healthz", "/version"])
    expect((await get(gateway, path, { token: null })).headers.get("cache-control")).not.toBe("no-store")
})
