/** The files for Caddy and nginx: HTTP/2, streams event by event, the limit of bodies, and addresses that no client can invent. */
import { expect, setDefaultTimeout, test } from "bun:test"
import { join } from "node:path"
import { stream } from "../helpers/behaviours.ts"
import { temporaryFolder } from "../helpers/demo-process.ts"
import { FakeUpstream } from "../helpers/fake-upstream.ts"
import { startGateway } from "../helpers/gateway.ts"
import { askProxy, startCaddy, startNginx, WITHOUT_CADDY, WITHOUT_NGINX } from "../helpers/proxies.ts"
import { succeed } from "../helpers/release.ts"
import { SAMPLES } from "../helpers/samples.ts"
import { vendorAnswer } from "../helpers/vendor.ts"

setDefaultTimeout(300_000)
const PROXY = join(import.meta.dir, "../../release/proxy")

const PROXIES = [
  { name: "Caddy", missing: WITHOUT_CADDY, start: startCaddy, file: join(PROXY, "Caddyfile") },
  {
    name: "Caddy of the Compose package",
    missing: WITHOUT_CADDY,
    start: startCaddy,
    file: join(PROXY, "../compose/Caddyfile"),
  },
  { name: "nginx", missing: WITHOUT_NGINX, start: startNginx, file: join(PROXY, "nginx.conf") },
] as const

for (const { name, missing, start, file } of PROXIES) {
  test.skipIf(missing !== "")(`${name}${missing}`, async () => {
    using folder = temporaryFolder()
    const rest = Promise.withResolvers<void>()
    const frames = SAMPLES.chat.frames(["Hello", " there"])
    const second = frames.findIndex((frame) => frame.includes(" there"))
    const upstream = (await FakeUpstream.start())
      .otherwise(vendorAnswer())
      .plan("event by event", stream([...frames.slice(0, second), { until: rest.promise }, ...frames.slice(second)]))
    await using gateway = await startGateway({
      upstreams: { upstream },
      configure: ({ server }) => (server["client_ip"] = { trusted_proxy_cidrs: ["127.0.0.0/8"] }),
    })
    await using proxy = await start(file, folder.path, [gateway.url])
    const path = `${proxy.url}/v1/chat/completions`
    const headers = {
      authorization: `Bearer ${gateway.prepared.token}`,
      "content-type": "application/json",
      "x-forwarded-for": "203.0.113.7",
      "x-real-ip": "203.0.113.8",
    }
    const words = Object.entries(headers).flatMap(([key, value]) => ["-H", `${key}: ${value}`])
    const format = "%{http_version} %{http_code}"

    // HTTP/2, and the address is the one that the proxy saw
    const body = SAMPLES.chat.request()
    expect(await succeed(["curl", "-sk", "--http2", "-o", "/dev/null", "-w", format, path, ...words, "-d", body])).toBe(
      "2 200",
    )
    expect(gateway.records.usage().map(({ caller_ip: address }) => address)).toEqual(["127.0.0.1"])

    // the first event comes while the upstream still waits
    const streamed = SAMPLES.chat.request({ text: "event by event", stream: true })
    const response = await askProxy(path, { method: "POST", headers, body: streamed })
    const reader = (response.body ?? new ReadableStream<Uint8Array>()).getReader()
    let seen = ""
    while (!seen.includes("Hello")) seen += Buffer.from((await reader.read()).value ?? new Uint8Array()).toString()
    expect(seen).not.toContain("there")
    rest.resolve()
    let later = ""
    for (let part = await reader.read(); !part.done; part = await reader.read())
      later += Buffer.from(part.value).toString()
    expect(later).toMatch(/there[^]*\[DONE\]/)

    // as much as the router takes passes, more does not
    const large = (bytes: number): string => SAMPLES.chat.request({ text: "x".repeat(bytes) })
    const answer = await askProxy(path, { method: "POST", headers, body: large(30 * 1024 * 1024) })
    expect({ status: answer.status, text: (await answer.text()).slice(0, 200) }).toMatchObject({ status: 200 })
    const tooLarge = await askProxy(path, { method: "POST", headers, body: large(33 * 1024 * 1024) }).then(
      ({ status }) => status,
      () => "the connection ended",
    )
    expect([413, "the connection ended"]).toContain(tooLarge)
    expect(upstream.exchanges).toHaveLength(3)
    await upstream.stop()
  })
}
