/** Callers in a file of their own: a change counts while calls go on, and a file that is not whole takes nobody away. */
import { expect, test } from "bun:test"
import { appendFileSync, readFileSync, renameSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { jsonLog } from "../../../src/system/log.ts"
import { eventually } from "../../helpers/client.ts"
import { runHere } from "../../helpers/command-line.ts"
import { callerEntry, newToken } from "../../helpers/config.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import { startGateway, type LocalGateway } from "../../helpers/gateway.ts"
import { HeldClock } from "../../helpers/held-clock.ts"
import { spawnRouter } from "../../helpers/router-process.ts"
import { SAMPLES } from "../../helpers/samples.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"

const LOOK_MS = 250
const COUNT = 60
const TOKENS = Array.from({ length: COUNT }, (_, number) => newToken(`f${number}`))

const lineOf = (number: number, more: object = {}): string =>
  `${JSON.stringify(callerEntry(`f${number}`, TOKENS[number]!, ["default"], { ...more }))}\n`
const ALL = TOKENS.map((_, number) => lineOf(number))

async function house(isWatched: boolean) {
  const upstream = (await FakeUpstream.start()).otherwise(vendorAnswer())
  const clock = new HeldClock()
  const logged: string[] = []
  const gateway: LocalGateway = await startGateway(
    {
      upstreams: { upstream },
      configure: (config, directory) => {
        config.server["watch_config"] = isWatched
        Object.assign(config, { callers_file: "callers.jsonl" })
        writeFileSync(join(directory, "callers.jsonl"), ALL.join(""))
      },
    },
    { clock, log: jsonLog(clock, (line) => void logged.push(line)) },
  )
  const path = join(gateway.directory, "callers.jsonl")
  return {
    gateway,
    path,
    log: () => logged.join(""),
    refusals: () => logged.join("").split("the configuration is refused").length - 1,
    statusOf: async (number: number): Promise<number> =>
      (await gateway.call("chat", SAMPLES.chat.request(), { token: TOKENS[number] ?? "" })).status,
    replace: (text: string): void => {
      writeFileSync(`${path}.new`, text)
      renameSync(`${path}.new`, path)
    },
    looking: (what: string, probe: () => boolean | Promise<boolean>) =>
      eventually(what, async () => {
        if (await probe()) return true
        await clock.advance(LOOK_MS)
        return undefined
      }),
    [Symbol.asyncDispose]: async () => {
      await gateway[Symbol.asyncDispose]()
      await upstream.stop()
    },
  }
}

test("a file that is replaced counts after two looks: callers come, change and go, all others stay", async () => {
  await using all = await house(true)
  expect([await all.statusOf(3), await all.statusOf(4), await all.statusOf(5)]).toEqual([200, 200, 200])
  all.replace(
    ALL.with(4, lineOf(4, { status: "suspended" }))
      .toSpliced(3, 1)
      .join(""),
  )
  await all.looking("the caller that is gone", async () => (await all.statusOf(3)) === 401)
  expect([await all.statusOf(4), await all.statusOf(5)]).toEqual([403, 200])
  all.replace(ALL.join(""))
  await all.looking("the caller that is back", async () => (await all.statusOf(3)) === 200)
  expect([await all.statusOf(4), all.refusals()]).toEqual([200, 0])
  expect(all.log()).toContain('"changed":["callers_file"]')
})

test("a line that is added or changed in place counts, too", async () => {
  await using all = await house(true)
  const token = newToken("late")
  appendFileSync(all.path, `${JSON.stringify(callerEntry("late", token, ["default"]))}\n`)
  const { gateway } = all
  await all.looking(
    "the caller that is added",
    async () => (await gateway.call("chat", SAMPLES.chat.request(), { token })).status === 200,
  )
  writeFileSync(all.path, readFileSync(all.path, "utf8").replace(lineOf(7), lineOf(7, { status: "removed" })))
  await all.looking("the caller that is removed", async () => (await all.statusOf(7)) === 403)
  expect([await all.statusOf(8), all.refusals()]).toEqual([200, 0])
})

test("a file that is emptied, cut, gone or full of something else takes no caller away, be it watched or by signal", async () => {
  for (const isWatched of [true, false]) {
    await using all = await house(isWatched)
    const whole = ALL.join("")
    let refusals = 0
    for (const text of [
      "",
      "\n",
      ALL.slice(0, 20).join(""),
      whole.slice(0, whole.length >> 1),
      whole.slice(0, -3),
      ALL.toSpliced(10, 1).join(""),
      "callers: []\n",
    ]) {
      writeFileSync(all.path, text)
      if (!isWatched) all.gateway.requestReload()
      refusals += 1
      await all.looking(`refusal ${refusals}`, () => all.refusals() >= refusals)
      expect([await all.statusOf(10), await all.statusOf(COUNT - 1)]).toEqual([200, 200])
    }
    renameSync(all.path, `${all.path}~`)
    if (!isWatched) all.gateway.requestReload()
    await all.looking("the refusal of nothing", () => all.refusals() > refusals)
    all.gateway.prepared.rewrite((config) => Object.assign(config, { callers_file: undefined }))
    if (!isWatched) all.gateway.requestReload()
    await all.looking("the refusal without the key", () => all.log().includes("callers_file: there are none any more"))
    expect([await all.statusOf(10), await all.statusOf(COUNT - 1)]).toEqual([200, 200])
    all.gateway.prepared.rewrite((config) => Object.assign(config, { callers_file: "callers.jsonl" }))
    all.replace(ALL.with(10, lineOf(10, { status: "removed" })).join(""))
    if (!isWatched) all.gateway.requestReload()
    await all.looking("the whole file", async () => (await all.statusOf(10)) === 403)
    expect(await all.statusOf(COUNT - 1)).toBe(200)
  }
})

test("token create, rotate, revoke and list work on the file, and the running router takes it at once", async () => {
  const upstream = (await FakeUpstream.start()).otherwise(vendorAnswer())
  await using router = await spawnRouter({
    upstreams: { upstream },
    configure: (config, directory) => {
      Object.assign(config, { callers_file: "callers.jsonl" })
      writeFileSync(join(directory, "callers.jsonl"), ALL.slice(0, 3).join(""))
    },
  })
  const config = router.prepared.configPath
  const path = join(router.prepared.directory, "callers.jsonl")
  const before = readFileSync(config, "utf8")
  const statusOf = async (token: string): Promise<number> =>
    (await router.call("chat", SAMPLES.chat.request(), { token })).status
  const run = (...args: readonly string[]) => runHere(["token", ...args])

  const created = await run(
    "create",
    "--owner-user",
    "me",
    "--project",
    "lab",
    "--env",
    "prod",
    "--allow",
    "default",
    "--write",
    config,
  )
  expect([created.code, created.err]).toEqual([0, ""])
  const token = /^token: +(\S+)$/m.exec(created.out)?.[1] ?? ""
  expect(await statusOf(token)).toBe(200)

  const rotated = await run("rotate", "rtr_me_lab_prod_k1", "--config", config, "--json")
  expect([rotated.code, rotated.err]).toEqual([0, ""])
  const next = JSON.parse(rotated.out) as { readonly token: string; readonly token_id: string; readonly router: string }
  expect(next).toMatchObject({ token_id: "rtr_me_lab_prod_k2", router: "taken" })
  expect([await statusOf(token), await statusOf(next.token)]).toEqual([403, 200])

  expect((await run("revoke", "rtr_me_lab_dev_f1", "--config", config)).code).toBe(0)
  expect([await statusOf(TOKENS[1]!), await statusOf(TOKENS[2]!)]).toEqual([403, 200])

  const listed = await run("list", "--config", config, "--json")
  const { tokens } = JSON.parse(listed.out) as { readonly tokens: readonly { token_id: string; status: string }[] }
  expect(tokens.map(({ token_id, status }) => `${token_id} ${status}`)).toEqual([
    "rtr_me_lab_dev_me-lab active",
    "rtr_me_lab_dev_f0 active",
    "rtr_me_lab_dev_f1 expired",
    "rtr_me_lab_dev_f2 active",
    "rtr_me_lab_prod_k1 expired",
    "rtr_me_lab_prod_k2 active",
  ])
  expect(readFileSync(config, "utf8")).toBe(before)
  expect(readFileSync(path, "utf8").split("\n").toSpliced(1, 1).slice(0, 2).join("\n")).toBe(
    `${ALL[0]}${ALL[2]}`.trimEnd(),
  )

  const twice = await run(
    "create",
    "--owner-user",
    "me",
    "--project",
    "lab",
    "--env",
    "prod",
    "--allow",
    "default",
    "--write",
    config,
  )
  expect([twice.code, twice.err]).toEqual([1, expect.stringContaining('There is already a caller "me-lab-prod"')])
  const stranger = await run(
    "create",
    "--owner-user",
    "you",
    "--project",
    "lab",
    "--env",
    "x",
    "--allow",
    "default",
    "--write",
    config,
  )
  expect([stranger.code, stranger.err]).toEqual([1, expect.stringContaining('There is no user "you"')])
  await upstream.stop()
})
