/** What the router writes can be read by its owner only. */
import { expect, test } from "bun:test"
import { statSync } from "node:fs"
import path from "node:path"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import { eventually } from "../../helpers/client.ts"
import { filesIn } from "../../helpers/records.ts"
import { spawnRouter } from "../../helpers/router-process.ts"
import { SAMPLES } from "../../helpers/samples.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"

test("database, its sidecars, log and folders are closed to others, whatever the umask", async () => {
  const upstream = (await FakeUpstream.start()).otherwise(vendorAnswer())
  const before = process.umask(0o000)
  try {
    await using router = await spawnRouter({ upstreams: { upstream } })
    await router.call("chat", SAMPLES.chat.request())
    await eventually("a line in the request log", () => router.records.logLines()[0])
    const files = filesIn(router.directory)
    expect(files.map(({ file }) => file)).toContain("state/usage.sqlite")
    expect(files.map(({ file }) => file)).toContain("logs/requests.jsonl")
    expect(files.filter(({ mode }) => (mode & 0o077) !== 0)).toEqual([])
    for (const folder of ["state", "logs"]) {
      expect(statSync(path.join(router.directory, folder)).mode & 0o077).toBe(0)
    }
  } finally {
    process.umask(before)
    await upstream.stop()
  }
})
