/** A service manager is told when calls are taken and when the router stops; it hands over keys as credentials. */
import { expect, test } from "bun:test"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { serviceManager } from "../../../src/system/service-manager.ts"
import { eventually } from "../../helpers/client.ts"
import { prepare } from "../../helpers/config.ts"
import { temporaryFolder } from "../../helpers/demo-process.ts"
import { FakeUpstream, headerOf } from "../../helpers/fake-upstream.ts"
import { openNotifySocket } from "../../helpers/notify-socket.ts"
import { spawnRouter } from "../../helpers/router-process.ts"
import { SAMPLES } from "../../helpers/samples.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"

test("a router with a key among its credentials says that it is ready, serves, and says that it stops", async () => {
  using folder = temporaryFolder()
  const upstream = (await FakeUpstream.start()).otherwise(vendorAnswer())
  const prepared = prepare({
    upstreams: { upstream },
    configure: (config) => {
      for (const provider of Object.values(config.providers)) provider["api_key"] = "${KEY_OF_PROVIDER}"
    },
  })
  // the one beside the configuration is the weaker one
  writeFileSync(join(folder.path, "env.json"), JSON.stringify({ KEY_OF_PROVIDER: "key-of-credentials" }))
  writeFileSync(join(prepared.directory, "env.json"), JSON.stringify({ KEY_OF_PROVIDER: "key-beside" }))
  using socket = openNotifySocket(join(folder.path, "notify"))
  const env = { ...prepared.env, NOTIFY_SOCKET: socket.path, CREDENTIALS_DIRECTORY: folder.path }
  await using router = await spawnRouter({ ...prepared, env })
  const ready = await eventually("the message of readiness", () => socket.messages()[0])
  expect(ready).toBe(`READY=1\nSTATUS=serving on ${router.url}\n`)
  await router.call("chat", SAMPLES.chat.request())
  expect(upstream.exchanges.map(({ request }) => headerOf(request, "authorization"))).toEqual([
    "Bearer key-of-credentials",
  ])
  router.signal("SIGTERM")
  expect(await router.exited).toBe(0)
  expect(socket.messages().slice(1)).toEqual(["STOPPING=1\nSTATUS=calls in flight are finished\n"])
  await upstream.stop()
})

test("a message that nothing takes is a warning", async () => {
  const warnings: string[] = []
  const log = { info: () => {}, error: () => {}, warn: (message: string) => void warnings.push(message) }
  await serviceManager(undefined, log).ready("x")
  expect(warnings).toEqual([])
  await serviceManager("/nowhere/notify", log).ready("x")
  await serviceManager("vsock:2:1", log).ready("x")
  await serviceManager(`/${"x".repeat(107)}`, log).stopping()
  expect(warnings).toEqual(Array(3).fill("the service manager cannot be told"))
})
