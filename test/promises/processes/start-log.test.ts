/** What a start says of its configuration has the gravity that `check` gives it. */
import { expect, test } from "bun:test"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import { spawnRouter } from "../../helpers/router-process.ts"

test("a target without prices is no warning, a caller without groups is one", async () => {
  const upstream = await FakeUpstream.start()
  await using router = await spawnRouter({
    upstreams: { upstream },
    configure: (config) => {
      for (const provider of Object.values(config.providers)) provider["models"] = { m1: { model: "m" } }
      config.callers.push({
        ...config.callers[0]!,
        id: "idle",
        token_id: "t2",
        token_sha256: "0".repeat(64),
        allow: [],
      })
    },
  })
  const lines = router
    .output()
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line) as { readonly level: string; readonly code?: string })
  const levels = (code: string): ReadonlySet<string> =>
    new Set(lines.filter((line) => line.code === code).map(({ level }) => level))
  expect([...levels("price-unknown")]).toEqual(["info"])
  expect([...levels("nothing-allowed")]).toEqual(["warn"])
  await upstream.stop()
})
