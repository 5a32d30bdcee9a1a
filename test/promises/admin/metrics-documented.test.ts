/** `docs/metrics.md` names the families that a running router exposes, each with its type, and no other. */
import { expect, test } from "bun:test"
import { readFileSync } from "node:fs"
import { resolve } from "node:path"
import { get } from "../../helpers/client.ts"
import { ALL_PARTS, capturing, CONTENT_ENV } from "../../helpers/content.ts"
import { readExposition } from "../../helpers/exposition.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import { startGateway } from "../../helpers/gateway.ts"
import { startRedis, WITHOUT_REDIS } from "../../helpers/redis.ts"

const PAGE = readFileSync(resolve(import.meta.dir, "../../../docs/metrics.md"), "utf8")
const NAME = /`([a-z_]+)`/gu

/** `name type`, from every row of a table of families. A row of several names has one type for all, or one for each. */
function documented(): readonly string[] {
  let isFamilies = false
  return PAGE.split("\n").flatMap((line) => {
    if (!line.startsWith("|")) {
      isFamilies = false
      return []
    }
    const [, first = "", second = ""] = line.split("|").map((cell) => cell.trim())
    if (first === "family") {
      isFamilies = true
      expect(second).toBe("type")
      return []
    }
    if (!isFamilies || first.startsWith("---")) return []
    const names = [...first.matchAll(NAME)].map(([, name]) => name)
    const types = second.split(", ")
    return names.map((name, place) => `${name} ${types[place] ?? types[0]}`)
  })
}

test.skipIf(WITHOUT_REDIS !== null)("the page and a router with all its parts name the same families", async () => {
  const upstream = await FakeUpstream.start()
  await using redis = await startRedis()
  await using gateway = await startGateway({
    upstreams: { upstream },
    env: CONTENT_ENV,
    configure: (config) => {
      capturing(config, ALL_PARTS)
      config.server["cache"] = { enabled: true, shared: true }
      config.server["state"] = { driver: "redis", url: redis.url }
      config.server["telemetry"] = { otlp: { endpoint: upstream.url, logs: { enabled: true } } }
      config.server["retention"] = { enabled: true, classes: [{ data_class: "usage_diagnostics", retention_days: 30 }] }
      config.models["default"]!["activation"] = "observe"
      config.callers[0] = { ...config.callers[0], metrics_admin: true }
    },
  })
  const { families } = readExposition((await get(gateway, "/metrics")).text)
  const exposed = [...families.values()].map(({ name, type }) => `${name} ${type}`)
  expect(exposed.length).toBeGreaterThan(40)
  expect(documented().toSorted()).toEqual(exposed.toSorted())
  await upstream.stop()
})
