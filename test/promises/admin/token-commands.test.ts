/** `smart-router token` as operators run it, against a router that serves: in force at once, calls in flight untouched. */
import { afterAll, beforeAll, expect, test } from "bun:test"
import { chmodSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { stream } from "../../helpers/behaviours.ts"
import { readAnswer } from "../../helpers/client.ts"
import { type Ended, runHere, smartRouter } from "../../helpers/command-line.ts"
import { callerEntry, newToken } from "../../helpers/config.ts"
import { expectError } from "../../helpers/expectations.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import type { RouterProcess } from "../../helpers/router-process.ts"
import { spawnRouter } from "../../helpers/router-process.ts"
import { SAMPLES } from "../../helpers/samples.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"

/** A caller for each test, so that one router serves them all. */
const CALLERS = ["rotating", "leaving", "hurried", "refused", "elsewhere"] as const
type Name = (typeof CALLERS)[number]
const TOKENS = Object.fromEntries(CALLERS.map((name) => [name, newToken(name)])) as Record<Name, string>
const ID = "rtr_me_lab_dev_me-lab"
const idOf = (name: Name): string => `rtr_me_lab_dev_${name}`

let upstream: FakeUpstream
let router: RouterProcess

beforeAll(async () => {
  upstream = (await FakeUpstream.start()).otherwise(vendorAnswer())
  router = await spawnRouter({
    upstreams: { upstream },
    configure: (config) => {
      for (const name of CALLERS) config.callers.push(callerEntry(name, TOKENS[name], ["default"]))
    },
  })
})

afterAll(async () => {
  await router[Symbol.asyncDispose]()
  await upstream.stop()
})

/** Without the router's environment: operators have no provider keys in theirs. */
const token = (...args: readonly string[]): Promise<Ended> =>
  runHere(["token", ...args, "--config", router.prepared.configPath])

const statusOf = async (as: string): Promise<number> =>
  (await router.call("chat", SAMPLES.chat.request(), { token: as })).status

test("a rotation counts at once, or after a grace; the caller and its file mode stay", async () => {
  chmodSync(router.prepared.configPath, 0o640)
  const old = TOKENS.rotating
  const first = await token("rotate", idOf("rotating"), "--grace", "24h", "--json")
  expect([first.code, first.err]).toEqual([0, ""])
  const rotated = JSON.parse(first.out) as { readonly token: string; readonly token_id: string }
  expect(rotated).toMatchObject({
    token_id: "rtr_me_lab_dev_k1",
    caller: "rotating",
    replaces: idOf("rotating"),
    router: "taken",
  })
  expect(await statusOf(old)).toBe(200)
  expect(await statusOf(rotated.token)).toBe(200)

  const second = await token("rotate", rotated.token_id)
  const next = /^token: +(\S+)$/mu.exec(second.out)?.[1] ?? ""
  expect(next).toStartWith("rtr_me_lab_dev_k2_")
  expect(await statusOf(rotated.token)).toBe(403)
  expect(await statusOf(next)).toBe(200)
  expect(await statusOf(old)).toBe(200)
  const text = readFileSync(router.prepared.configPath, "utf8")
  for (const raw of [rotated.token, next]) expect(text).not.toContain(raw)
  expect(statSync(router.prepared.configPath).mode & 0o777).toBe(0o640)

  const listed = await token("list", "--json")
  const { tokens } = JSON.parse(listed.out) as { readonly tokens: readonly Record<string, unknown>[] }
  const its = tokens.filter(({ caller }) => caller === "rotating")
  expect(its.map((one) => [one["token_id"], one["caller"], one["status"]])).toEqual([
    [idOf("rotating"), "rotating", "active"],
    ["rtr_me_lab_dev_k1", "rotating", "expired"],
    ["rtr_me_lab_dev_k2", "rotating", "active"],
  ])
  expect(listed.out).not.toMatch(/[0-9a-f]{64}/u)
  const usage = router.records.usage().map((row) => row.caller_id)
  expect(new Set(usage)).toEqual(new Set(["rotating"]))
})

test("a revoked token is refused once the command has ended; a call in flight goes on", async () => {
  const sample = SAMPLES.messages
  const frames = sample.frames()
  const gate = Promise.withResolvers<void>()
  upstream.plan("in flight", stream([...frames.slice(0, 3), { until: gate.promise }, ...frames.slice(3)]))
  const body = sample.request({ stream: true, text: "in flight" })
  const flying = await router.open("messages", body, { token: TOKENS.leaving })

  const { code, out, err } = await token("revoke", idOf("leaving"))
  expect([code, err]).toEqual([0, ""])
  expect(out).toContain(`The running router (process ${router.pid}) has taken it.`)
  expect(out).toContain("no active token left")
  const refused = await router.call("chat", SAMPLES.chat.request(), { token: TOKENS.leaving })
  expectError(refused, "chat", 403, "key-expired")
  gate.resolve()
  expect((await readAnswer(flying)).text).toBe(frames.join(""))

  const again = await token("revoke", idOf("leaving"))
  expect(again.code).toBe(0)
  expect(again.out.slice(0, again.out.indexOf("Z."))).toBe(out.slice(0, out.indexOf("Z.")))
})

test("two commands at the same time, in processes of their own, lose no change", async () => {
  const rotate = ["token", "rotate", idOf("hurried"), "--grace", "1h", "--json"]
  const all = await Promise.all([
    smartRouter([...rotate, "--key", "a", "--config", router.prepared.configPath]),
    token(...rotate.slice(1), "--key", "b"),
  ])
  expect(all.map(({ code, err }) => [code, err])).toEqual(all.map(() => [0, ""]))
  for (const { out } of all) expect(await statusOf((JSON.parse(out) as { readonly token: string }).token)).toBe(200)
})

test("a router that refuses the file goes on, and the command says so with exit code 3", async () => {
  // an error that was there before the command is not the command's to judge
  const wrong = '"second": { "strategy": "no-such-strategy", "targets": [] },'
  const edit = (from: string, to: string): void => {
    const text = readFileSync(router.prepared.configPath, "utf8")
    expect(text).toContain(from)
    writeFileSync(router.prepared.configPath, text.replace(from, to))
  }
  edit('"models": {\n    "default"', `"models": {\n    ${wrong}\n    "default"`)
  const { code, out } = await token("revoke", idOf("refused"))
  expect(code).toBe(3)
  expect(out).toContain("refuses the configuration")
  expect(out).toContain("models.second.strategy")
  expect(await statusOf(TOKENS.refused)).toBe(200)
  edit(wrong, "")
})

test("a router on the same usage database that reads another file is not mistaken for one that took the change", async () => {
  const copy = `${router.prepared.directory}/other.yaml`
  writeFileSync(copy, readFileSync(router.prepared.configPath))
  const { code, out } = await runHere(["token", "revoke", idOf("elsewhere"), "--config", copy])
  expect(code).toBe(3)
  expect(out).toContain("reads another file")
  expect(await statusOf(TOKENS.elsewhere)).toBe(200)
})

test("without a router a change counts from the next start; one that was killed leaves nothing in the way", async () => {
  router.signal("SIGKILL")
  await router.exited
  const { code, out } = await token("rotate", ID, "--json")
  expect(code).toBe(0)
  const rotated = JSON.parse(out) as { readonly token: string; readonly token_id: string; readonly router: string }
  expect(rotated.router).toBe("none")
  const before = router.token
  router = await spawnRouter(router.prepared)
  expect(await statusOf(rotated.token)).toBe(200)
  expect(await statusOf(before)).toBe(403)
  const revoked = await token("revoke", rotated.token_id, "--json")
  expect(JSON.parse(revoked.out)).toMatchObject({ router: "taken", active_tokens_left: 0 })
})

test("a stopped router takes its socket with it", async () => {
  const socket = `${router.prepared.directory}/state/usage.sqlite.control`
  expect(statSync(socket).mode & 0o777).toBe(0o600)
  router.signal("SIGTERM")
  await router.exited
  expect(statSync(socket, { throwIfNoEntry: false })).toBeUndefined()
})
