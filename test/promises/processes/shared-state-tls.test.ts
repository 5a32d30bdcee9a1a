/** `server.state.tls`: a Redis over TLS, with an authority and a client certificate of the operator's own. */
import { describe, expect, test } from "bun:test"
import path from "node:path"
import { systemClock } from "../../../src/system/clock.ts"
import { jsonLog } from "../../../src/system/log.ts"
import { reply } from "../../helpers/behaviours.ts"
import { get } from "../../helpers/client.ts"
import { callerEntry, newToken, type Setup } from "../../helpers/config.ts"
import { expectError } from "../../helpers/expectations.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import { startGateway } from "../../helpers/gateway.ts"
import { startRedis, WITHOUT_REDIS } from "../../helpers/redis.ts"
import { SAMPLES } from "../../helpers/samples.ts"

const FOLDER = path.resolve(import.meta.dir, "../../fixtures/tls")
const CERTIFICATE = path.join(FOLDER, "localhost-certificate-for-tests.pem")
const KEY = path.join(FOLDER, "localhost-key-for-tests.pem")

describe.skipIf(WITHOUT_REDIS !== null)(`rediss${WITHOUT_REDIS === null ? "" : `: ${WITHOUT_REDIS}`}`, () => {
  for (const isTrusted of [true, false])
    test(
      isTrusted
        ? "a trusted Redis holds limits, pins and capacity"
        : "a Redis of an unknown authority admits no call with limits",
      async () => {
        await using redis = await startRedis({ tls: { certificate: CERTIFICATE, key: KEY } })
        const upstream = (await FakeUpstream.start()).otherwise(reply(SAMPLES.chat.unary()))
        const token = newToken("limited")
        const own = { cert_file: CERTIFICATE, key_file: KEY }
        const lines: string[] = []
        const setup: Setup = {
          upstreams: { upstream },
          configure: (config) => {
            const tls = isTrusted ? { ca_file: CERTIFICATE, ...own } : own
            config.server["state"] = { driver: "redis", url: redis.url, tls }
            config.callers.push(callerEntry("limited", token, ["default"], { quota: { day: { requests: 1 } } }))
          },
        }
        const log = jsonLog(systemClock, (line) => void lines.push(line))
        await using router = await startGateway(setup, { log })
        const ask = () => router.call("chat", SAMPLES.chat.request({ text: "hi" }), { token })
        if (isTrusted) {
          expect((await ask()).status).toBe(200)
          expectError(await ask(), "chat", 429, "quota-exhausted")
          expect(lines.join()).not.toContain("cannot be reached")
          const keys = (await redis.command("KEYS", "*")) as readonly string[]
          for (const key of ["caller:limited", "peers", "news", "since"])
            expect(keys).toContain(`{smart-router}:${key}`)
        } else {
          expectError(await ask(), "chat", 503, "shared-state-unavailable")
          for (const name of ["state", "pins", "capacity"])
            expect(lines.join()).toContain(`the shared ${name} cannot be reached`)
          expect((await get(router, "/readyz", { token: null })).status).toBe(503)
        }
        await upstream.stop()
      },
    )
})
