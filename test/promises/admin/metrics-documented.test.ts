/** `docs/metrics.md` names the families that a running router exposes, each with its type, and no other. */
import { expect, test } from "bun:test"
import { readFileSync } from "node:fs"
import { resolve } from "node:path"
import { get } from "../../helpers/client.ts"
import { readExposition } from "../../helpers/exposition.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import { startGateway } from "../../helpers/gateway.ts"

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

test("the page and a running router name the same families", async () => {
  const upstream = await FakeUpstream.start()
  await using gateway = await startGateway({
    upstreams: { upstream },
    configure: (config) => {
      config.callers[0] = { ...config.callers[0], metrics_admin: true }
    },
  })
  const { families } = readExposition((await get(gateway, "/metrics")).text)
  const exposed = [...families.values()].map(({ name, type }) => `${name} ${type}`)
  expect(exposed.length).toBeGreaterThan(40)
  expect(documented().toSorted()).toEqual(exposed.toSorted())
  await upstream.stop()
})
