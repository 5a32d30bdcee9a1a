/** `smart-router token` as operators run it, against a router that serves: in force at once, calls in flight untouched. */
import { expect, test } from "bun:test"
import { chmodSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { stream } from "../../helpers/behaviours.ts"
import { eventually, readAnswer } from "../../helpers/client.ts"
import { type Ended, smartRouter } from "../../helpers/command-line.ts"
import { expectError } from "../../helpers/expectations.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import type { RouterProcess } from "../../helpers/router-process.ts"
import { spawnRouter } from "../../helpers/router-process.ts"
import { SAMPLES } from "../../helpers/samples.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"

const ID = "rtr_me_lab_dev_me-lab"

/** Without the router's environment: operators have no provider keys in theirs. */
const token = (router: RouterProcess, ...args: readonly string[]): Promise<Ended> =>
  smartRouter(["token", ...args, "--config", router.prepared.configPath])

const statusOf = async (router: RouterProcess, as: string): Promise<number> =>
  (await router.call("chat", SAMPLES.chat.request(), { token: as })).status

test.concurrent("revoke: the token is refused once the command has ended; a call in flight goes on", async () => {
  const upstream = (await FakeUpstream.start()).otherwise(vendorAnswer())
  await using router = await spawnRouter({ upstreams: { upstream } })
  const sample = SAMPLES.messages
  const frames = sample.frames()
  const gate = Promise.withResolvers<void>()
  upstream.plan("in flight", stream([...frames.slice(0, 3), { until: gate.promise }, ...frames.slice(3)]))
  const flying = await router.open("messages", sample.request({ stream: true, text: "in flight" }))

  const { code, out, err } = await token(router, "revoke", ID)
  expect([code, err]).toEqual([0, ""])
  expect(out).toContain(`The running router (process ${router.pid}) has taken it.`)
  expect(out).toContain("no active token left")
  expectError(await router.call("chat", SAMPLES.chat.request()), "chat", 403, "key-expired")
  gate.resolve()
  expect((await readAnswer(flying)).text).toBe(frames.join(""))

  const again = await token(router, "revoke", ID)
  expect(again.code).toBe(0)
  expect(again.out.slice(0, again.out.indexOf("Z."))).toBe(out.slice(0, out.indexOf("Z.")))
  await upstream.stop()
}, 20_000)

test.concurrent("rotate: at once, or after a grace; the caller and its file mode stay", async () => {
  const upstream = (await FakeUpstream.start()).otherwise(vendorAnswer())
  await using router = await spawnRouter({ upstreams: { upstream } })
  chmodSync(router.prepared.configPath, 0o640)
  const first = await token(router, "rotate", ID, "--grace", "24h", "--json")
  expect([first.code, first.err]).toEqual([0, ""])
  const rotated = JSON.parse(first.out) as { readonly token: string; readonly token_id: string }
  expect(rotated).toMatchObject({ token_id: "rtr_me_lab_dev_k1", caller: "me-lab", replaces: ID, router: "taken" })
  expect(await statusOf(router, router.token)).toBe(200)
  expect(await statusOf(router, rotated.token)).toBe(200)

  const second = await token(router, "rotate", rotated.token_id)
  const next = /^token: +(\S+)$/mu.exec(second.out)?.[1] ?? ""
  expect(next).toStartWith("rtr_me_lab_dev_k2_")
  expect(await statusOf(router, rotated.token)).toBe(403)
  expect(await statusOf(router, next)).toBe(200)
  expect(await statusOf(router, router.token)).toBe(200)
  const text = readFileSync(router.prepared.configPath, "utf8")
  for (const raw of [rotated.token, next]) expect(text).not.toContain(raw)
  expect(statSync(router.prepared.configPath).mode & 0o777).toBe(0o640)

  const listed = await token(router, "list", "--json")
  const { tokens } = JSON.parse(listed.out) as { readonly tokens: readonly Record<string, unknown>[] }
  expect(tokens.map((one) => [one["token_id"], one["caller"], one["status"]])).toEqual([
    [ID, "me-lab", "active"],
    ["rtr_me_lab_dev_k1", "me-lab", "expired"],
    ["rtr_me_lab_dev_k2", "me-lab", "active"],
  ])
  expect(listed.out).not.toMatch(/[0-9a-f]{64}/u)
  const usage = router.records.usage().map((row) => row.caller_id)
  expect(new Set(usage)).toEqual(new Set(["me-lab"]))
  await upstream.stop()
}, 20_000)

test.concurrent("commands at the same time lose no change", async () => {
  const upstream = (await FakeUpstream.start()).otherwise(vendorAnswer())
  await using router = await spawnRouter({ upstreams: { upstream } })
  const all = await Promise.all(
    ["a", "b", "c", "d"].map((key) => token(router, "rotate", ID, "--grace", "1h", "--key", key, "--json")),
  )
  expect(all.map(({ code, err }) => [code, err])).toEqual(all.map(() => [0, ""]))
  for (const { out } of all)
    expect(await statusOf(router, (JSON.parse(out) as { readonly token: string }).token)).toBe(200)
  await upstream.stop()
}, 30_000)

test.concurrent("a router that refuses the file goes on, and the command says so with exit code 3", async () => {
  const upstream = (await FakeUpstream.start()).otherwise(vendorAnswer())
  await using router = await spawnRouter({ upstreams: { upstream } })
  // an error that was there before the command is not the command's to judge
  router.prepared.rewrite((config) => {
    config.models["second"] = { strategy: "no-such-strategy", targets: [] }
  })
  const { code, out } = await token(router, "revoke", ID)
  expect(code).toBe(3)
  expect(out).toContain("refuses the configuration")
  expect(out).toContain("models.second.strategy")
  expect(await statusOf(router, router.token)).toBe(200)
  await upstream.stop()
}, 20_000)

test.concurrent("no router: the change counts from the next start; one that was killed leaves nothing in the way", async () => {
  const upstream = (await FakeUpstream.start()).otherwise(vendorAnswer())
  const router = await spawnRouter({ upstreams: { upstream } })
  router.signal("SIGKILL")
  await router.exited
  const { code, out } = await token(router, "rotate", ID, "--json")
  expect(code).toBe(0)
  const rotated = JSON.parse(out) as { readonly token: string; readonly router: string }
  expect(rotated.router).toBe("none")
  await using next = await spawnRouter(router.prepared)
  expect(await statusOf(next, rotated.token)).toBe(200)
  expect(await statusOf(next, router.token)).toBe(403)
  const revoked = await token(next, "revoke", "rtr_me_lab_dev_k1", "--json")
  expect(JSON.parse(revoked.out)).toMatchObject({ router: "taken", active_tokens_left: 0 })
  await upstream.stop()
}, 20_000)

test.concurrent("a router on the same usage database that reads another file is not mistaken for one that took the change", async () => {
  const upstream = (await FakeUpstream.start()).otherwise(vendorAnswer())
  await using router = await spawnRouter({ upstreams: { upstream } })
  const copy = `${router.prepared.directory}/other.yaml`
  writeFileSync(copy, readFileSync(router.prepared.configPath))
  const { code, out } = await smartRouter(["token", "revoke", ID, "--config", copy])
  expect(code).toBe(3)
  expect(out).toContain("reads another file")
  expect(await statusOf(router, router.token)).toBe(200)
  await upstream.stop()
}, 20_000)

test.concurrent("a stopped router takes its socket with it", async () => {
  const upstream = (await FakeUpstream.start()).otherwise(vendorAnswer())
  await using router = await spawnRouter({ upstreams: { upstream } })
  const socket = `${router.prepared.directory}/state/usage.sqlite.control`
  expect(statSync(socket).mode & 0o777).toBe(0o600)
  router.signal("SIGTERM")
  await router.exited
  await eventually("the end of the socket", () =>
    statSync(socket, { throwIfNoEntry: false }) === undefined ? true : undefined,
  )
  await upstream.stop()
}, 20_000)
