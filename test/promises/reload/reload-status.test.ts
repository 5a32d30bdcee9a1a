/** How the last reload went, for operators: at `/readyz`, in the metrics, and from `smart-router status`. */
import { afterAll, beforeAll, expect, test } from "bun:test"
import { startRouter } from "../../../src/server/start.ts"
import { jsonLog } from "../../../src/system/log.ts"
import { eventually, get } from "../../helpers/client.ts"
import { runHere } from "../../helpers/command-line.ts"
import { callerEntry, newToken, prepare } from "../../helpers/config.ts"
import { parsed } from "../../helpers/expectations.ts"
import { readExposition } from "../../helpers/exposition.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import { startGateway, type LocalGateway } from "../../helpers/gateway.ts"
import { HeldClock } from "../../helpers/held-clock.ts"

const WATCHER = newToken("watcher")
let upstream: FakeUpstream
let gateway: LocalGateway
const lines: string[] = []

beforeAll(async () => {
  upstream = await FakeUpstream.start()
  const setup = {
    upstreams: { upstream },
    configure: (config: { callers: object[] }) =>
      void config.callers.push(callerEntry("watcher", WATCHER, [], { metrics_admin: true })),
  }
  gateway = await startGateway(setup, { log: jsonLog(new HeldClock(), (line) => void lines.push(line)) })
})
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream.stop()
})

const readyz = async (token: string | null): Promise<unknown> => parsed(await get(gateway, "/readyz", { token }))
const status = (...more: readonly string[]) =>
  runHere(["status", "--config", gateway.prepared.configPath, ...more], { env: gateway.prepared.env })

async function gauge(name: string): Promise<number | undefined> {
  const { text } = await get(gateway, "/metrics", { token: WATCHER })
  return readExposition(text).samples.find((sample) => sample.name === name)?.value
}

const SUCCESSFUL = "smart_router_config_last_reload_successful"
const TAKEN = "smart_router_config_last_reload_success_timestamp_seconds"

test("a reload that was refused is told to operators with its reasons until one is taken, and to nobody else", async () => {
  expect(await readyz(WATCHER)).toMatchObject({ status: "ready", configuration: { last_reload: "successful" } })
  expect(await gauge(SUCCESSFUL)).toBe(1)
  const taken = await gauge(TAKEN)
  expect(taken).toBeGreaterThan(0)
  expect(await status()).toMatchObject({ code: 0, err: "" })

  gateway.prepared.rewrite((config) => {
    config.callers = config.callers.map((caller) => ({ ...caller, allow: ["defalt"] }))
  })
  gateway.requestReload()
  await eventually("the refusal", () => (lines.join("").includes("is refused") ? true : undefined))
  const reason = expect.stringContaining('There is no model group "defalt". Did you mean "default"?')
  expect(await readyz(WATCHER)).toMatchObject({
    status: "ready",
    configuration: { last_reload: "refused", reasons: expect.arrayContaining([reason]) },
  })
  for (const token of [null, gateway.token, "rtr_a_stranger"]) expect(await readyz(token)).toEqual({ status: "ready" })
  expect([await gauge(SUCCESSFUL), await gauge(TAKEN)]).toEqual([0, taken])
  const told = await status()
  expect([told.code, told.out]).toEqual([1, reason])
  expect(JSON.parse((await status("--json")).out)).toMatchObject({
    pid: process.pid,
    not_ready: [],
    configuration: { last_reload: "refused" },
  })

  gateway.prepared.rewrite((config) => {
    config.callers = config.callers.map((caller) => ({ ...caller, allow: ["default"] }))
  })
  gateway.requestReload()
  await eventually("the reload", () => (lines.join("").includes("is reloaded") ? true : undefined))
  expect(await gauge(SUCCESSFUL)).toBe(1)
  expect((await status()).code).toBe(0)
})

test("status says that no router runs on a configuration, also where its text cannot be read", async () => {
  const other = prepare({ upstreams: { upstream } })
  const asked = () => runHere(["status", "--config", other.configPath])
  expect(await asked()).toMatchObject({ code: 1, err: expect.stringContaining("No router runs on this") })
  await Bun.write(other.configPath, "server: { listen: [ }\n")
  expect(await asked()).toMatchObject({ code: 1, err: expect.stringContaining("No router runs on this") })
  other.remove()
})

test("an address that is in use is named, with the cause", async () => {
  const other = prepare({ upstreams: { upstream } })
  const { hostname, port } = new URL(gateway.url)
  const starting = startRouter({
    configPath: other.configPath,
    env: other.env,
    listen: { hostname, port: Number(port) },
    log: jsonLog(new HeldClock(), () => {}),
  })
  expect(starting).rejects.toThrow(
    `Failed to listen at 127.0.0.1:${port}: it is in use by another process (EADDRINUSE).`,
  )
  await starting.catch(() => {})
  other.remove()
})
