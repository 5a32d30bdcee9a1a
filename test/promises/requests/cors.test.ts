/** Browsers of other origins are served only where the configuration names them. */
import { expect, test } from "bun:test"
import { open } from "../../helpers/client.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import { startGateway } from "../../helpers/gateway.ts"
import { ALL_SAMPLES } from "../../helpers/samples.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"

const ORIGIN = "https://app.example"
const preflight = {
  method: "OPTIONS",
  token: null,
  headers: { origin: ORIGIN, "access-control-request-method": "POST" },
}

async function allowedOrigins(origins: readonly string[], from: string): Promise<readonly (string | null)[]> {
  const upstream = (await FakeUpstream.start()).otherwise(vendorAnswer())
  await using gateway = await startGateway({
    upstreams: { upstream },
    configure: (config) => {
      config.server["cors"] = { allow_origins: origins }
    },
  })
  const headers = { ...preflight.headers, origin: from }
  const answers = await Promise.all(
    ALL_SAMPLES.flatMap((sample) => [
      open(gateway, sample.dialect, null, { ...preflight, headers }),
      gateway.open(sample.dialect, sample.request(), { headers: { origin: from } }),
      gateway.open(sample.dialect, "{", { headers: { origin: from } }),
    ]),
  )
  const seen = answers.map((answer) => answer.headers.get("access-control-allow-origin"))
  await Promise.all(answers.map((answer) => answer.arrayBuffer()))
  await upstream.stop()
  return [...new Set(seen)]
}

test("off: no answer allows another origin", async () => {
  expect(await allowedOrigins([], ORIGIN)).toEqual([null])
})

test("on: the named origin is allowed everywhere, others nowhere", async () => {
  expect(await allowedOrigins([ORIGIN], ORIGIN)).toEqual([ORIGIN])
  expect(await allowedOrigins([ORIGIN], "https://evil.example")).toEqual([null])
})

test("a preflight allows every method of the routes", async () => {
  const upstream = await FakeUpstream.start()
  await using gateway = await startGateway({
    upstreams: { upstream },
    configure: (config) => {
      config.server["cors"] = { allow_origins: [ORIGIN] }
    },
  })
  const headers = { origin: ORIGIN, "access-control-request-method": "DELETE" }
  const answer = await open(gateway, "responses", null, { ...preflight, path: "/v1/responses/resp_1", headers })
  expect(answer.status).toBe(204)
  expect(answer.headers.get("access-control-allow-methods")).toBe("GET, POST, DELETE, OPTIONS")
  await upstream.stop()
})
