/** A running router never waits for a file: a pipe in the place of a secret is refused, and calls go on. */
import { expect, test } from "bun:test"
import { spawnSync } from "node:child_process"
import { rmSync, writeFileSync } from "node:fs"
import path from "node:path"
import { jsonLog } from "../../../src/system/log.ts"
import { systemClock } from "../../../src/system/clock.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import { startGateway } from "../../helpers/gateway.ts"
import { SAMPLES } from "../../helpers/samples.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"

test("a reload that finds a pipe is refused, with the reason", async () => {
  const upstream = (await FakeUpstream.start()).otherwise(vendorAnswer())
  const refused = Promise.withResolvers<string>()
  let secret = ""
  const gateway = await startGateway(
    {
      upstreams: { upstream },
      configure: (config, directory) => {
        secret = path.join(directory, "key")
        writeFileSync(secret, "sk-of-a-file-0123456789\n")
        for (const provider of Object.values(config.providers)) provider["api_key"] = `\${file:${secret}}`
      },
    },
    { log: jsonLog(systemClock, (line) => (line.includes("refused") ? refused.resolve(line) : undefined)) },
  )
  rmSync(secret)
  spawnSync("mkfifo", [secret])
  gateway.requestReload()
  expect(await refused.promise).toContain("no regular file")
  expect((await gateway.call("chat", SAMPLES.chat.request())).status).toBe(200)
  await gateway[Symbol.asyncDispose]()
  await upstream.stop()
})
