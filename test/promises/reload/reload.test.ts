/** A changed configuration is taken over whole or not at all, and calls in flight finish on the one they started with. */
import { expect, test } from "bun:test"
import { mkdirSync, renameSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { jsonLog } from "../../../src/system/log.ts"
import { reply, stream } from "../../helpers/behaviours.ts"
import { eventually, get, readAnswer, type Door } from "../../helpers/client.ts"
import { targetsOf, type Prepared, type Setup } from "../../helpers/config.ts"
import { expectError, parsed } from "../../helpers/expectations.ts"
import { bodyText, FakeUpstream } from "../../helpers/fake-upstream.ts"
import { startGateway, type LocalGateway } from "../../helpers/gateway.ts"
import { HeldClock } from "../../helpers/held-clock.ts"
import { spawnRouter } from "../../helpers/router-process.ts"
import { SAMPLES } from "../../helpers/samples.ts"
import { at } from "../../helpers/streams.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"

/** Files are looked at so often. */
const LOOK_MS = 1000

interface House extends AsyncDisposable {
  readonly gateway: LocalGateway
  /** All that was logged so far. */
  output(): string
  /** Waits for what a look at the files, or several, must bring about. */
  looking<T>(what: string, probe: () => T | undefined | Promise<T | undefined>): Promise<T>
}

async function house(setup: Setup): Promise<House> {
  const clock = new HeldClock()
  const lines: string[] = []
  const gateway = await startGateway(setup, { clock, log: jsonLog(clock, (line) => void lines.push(line)) })
  return {
    gateway,
    output: () => lines.join(""),
    looking: (what, probe) =>
      eventually(what, async () => {
        const found = await probe()
        if (found === undefined) await clock.advance(LOOK_MS)
        return found
      }),
    [Symbol.asyncDispose]: () => gateway[Symbol.asyncDispose](),
  }
}

async function modelIds(router: Door): Promise<readonly unknown[]> {
  const data = at(parsed(await get(router, "/v1/models")), "data")
  return Array.isArray(data) ? data.map((model) => at(model, "id")) : []
}

const lists = async (router: Door, group: string): Promise<true | undefined> =>
  (await modelIds(router)).includes(group) ? true : undefined

function addGroup({ prepared }: { readonly prepared: Prepared }, group: string, more: object = {}): void {
  prepared.rewrite((config) => {
    config.models[group] = { strategy: "static", targets: targetsOf(["upstream"]), ...more }
    config.callers = config.callers.map((caller) => ({ ...caller, allow: Object.keys(config.models) }))
  })
}

test("SIGHUP: a valid change is taken over, calls in flight are untouched, an invalid one is refused with its reason", async () => {
  const upstream = (await FakeUpstream.start()).otherwise(vendorAnswer())
  await using router = await spawnRouter({ upstreams: { upstream } })
  const sample = SAMPLES.messages
  const frames = sample.frames()
  const gate = Promise.withResolvers<void>()
  upstream.plan("in flight", stream([...frames.slice(0, 3), { until: gate.promise }, ...frames.slice(3)]))
  const flying = await router.open("messages", sample.request({ stream: true, text: "in flight" }))

  addGroup(router, "second")
  router.prepared.rewrite((config) => {
    for (const provider of Object.values(config.providers)) provider["models"] = { m1: { model: "vendor/model-2" } }
  })
  router.signal("SIGHUP")
  await eventually("the group in the list", () => lists(router, "second"))
  expect((await router.call("chat", SAMPLES.chat.request({ model: "second", text: "new model" }))).status).toBe(200)
  expect(bodyText(upstream.received("new model")[0]!.request)).toContain('"vendor/model-2"')
  gate.resolve()
  const answer = await readAnswer(flying)
  expect(answer.text).toBe(frames.join(""))
  expect(router.records.usage(answer.requestId)[0]).toMatchObject({ status: 200, target_model: "vendor/model-1" })

  const silence = router.output().length
  router.prepared.rewrite((config) => {
    config.models["third"] = { strategy: "static", targets: [{ provider: "nobody", model: "x" }] }
    config.models["second"] = { strategy: "no-such-strategy", targets: [] }
  })
  router.signal("SIGHUP")
  const reason = await eventually("the reason in the log", () => {
    const news = router.output().slice(silence)
    return /third|nobody/u.test(news) && /no-such-strategy|second/u.test(news) ? news : undefined
  })
  for (const secret of router.prepared.secrets) expect(reason).not.toContain(secret)
  expect(await modelIds(router)).not.toContain("third")
  expect((await router.call("chat", SAMPLES.chat.request({ model: "second" }))).status).toBe(200)
  await upstream.stop()
})

test("watch_config: a changed file is taken over without a signal", async () => {
  const upstream = (await FakeUpstream.start()).otherwise(vendorAnswer())
  await using all = await house({
    upstreams: { upstream },
    configure: (config) => {
      config.server["watch_config"] = true
    },
  })
  addGroup(all.gateway, "watched")
  await all.looking("the group in the list", () => lists(all.gateway, "watched"))
  expect((await all.gateway.call("chat", SAMPLES.chat.request({ model: "watched" }))).status).toBe(200)
  await upstream.stop()
})

test("watch_config: a secret that changes before the first look at it is noticed, and told to nobody twice", async () => {
  const upstream = (await FakeUpstream.start()).otherwise(vendorAnswer())
  await using all = await house({
    upstreams: { upstream },
    configure: (config, directory) => {
      writeFileSync(join(directory, "key"), "sk-at-the-start\n")
      config.server["watch_config"] = true
      for (const provider of Object.values(config.providers)) provider["api_key"] = "${file:key}"
    },
  })
  writeFileSync(join(all.gateway.directory, "key"), "sk-right-afterwards\n")
  let calls = 0
  await all.looking("the new key at the upstream", async () => {
    const text = `call <${++calls}>`
    expect((await all.gateway.call("chat", SAMPLES.chat.request({ text }))).status).toBe(200)
    const lines = upstream.received(text)[0]?.request.headerLines ?? []
    return lines.some((line) => line.endsWith("sk-right-afterwards")) ? true : undefined
  })
  expect(all.output().split("the configuration is reloaded")).toHaveLength(2)
  await upstream.stop()
})

test("watch_config: an emptied file, and one of which only the beginning is written, leave callers as they are", async () => {
  const upstream = (await FakeUpstream.start()).otherwise(vendorAnswer())
  await using all = await house({
    upstreams: { upstream },
    configure: (config) => {
      config.server["watch_config"] = true
    },
  })
  const { gateway } = all
  const { configPath } = gateway.prepared
  const refusals = (): number => all.output().split("the configuration is refused").length - 1
  const serves = async (): Promise<number> => (await gateway.call("chat", SAMPLES.chat.request())).status
  for (const [count, part] of [
    [1, ""],
    [2, "# nothing but a comment\n"],
    [3, "server: { watch_config: true }\n"],
  ] as const) {
    writeFileSync(configPath, part)
    await all.looking(`refusal ${count}`, () => (refusals() >= count ? true : undefined))
    expect(await serves()).toBe(200)
  }
  addGroup(gateway, "restored")
  await all.looking("the group in the list", () => lists(gateway, "restored"))
  expect(await serves()).toBe(200)
  await upstream.stop()
})

test("a caller removed by a reload is refused from then on", async () => {
  const upstream = (await FakeUpstream.start()).otherwise(reply(SAMPLES.chat.unary()))
  await using all = await house({ upstreams: { upstream } })
  const { gateway } = all
  expect((await gateway.call("chat", SAMPLES.chat.request())).status).toBe(200)
  gateway.prepared.rewrite((config) => {
    config.callers = config.callers.map((caller) => ({ ...caller, status: "suspended" }))
  })
  gateway.requestReload()
  const refused = await eventually("the refusal", async () => {
    const answer = await gateway.call("chat", SAMPLES.chat.request())
    return answer.status === 200 ? undefined : answer
  })
  expectError(refused, "chat", 403, "key-suspended")
  await upstream.stop()
})

test("watch_config: a secret that is mounted anew reaches the upstream; a file that is away for a while does no harm", async () => {
  const upstream = (await FakeUpstream.start()).otherwise(vendorAnswer())
  await using all = await house({
    upstreams: { upstream },
    configure: (config, directory) => {
      mount(directory, "v1", "sk-the-first-key")
      symlinkSync("..data/key", join(directory, "key"))
      config.server["watch_config"] = true
      for (const provider of Object.values(config.providers)) provider["api_key"] = "${file:key}"
    },
  })
  const { gateway } = all
  const sent = async (text: string): Promise<string> => {
    expect((await gateway.call("chat", SAMPLES.chat.request({ text }))).status).toBe(200)
    const lines = upstream.received(text)[0]?.request.headerLines ?? []
    return lines.find((line) => /^authorization:/iu.test(line))?.replace(/^\S+ /u, "") ?? ""
  }
  expect(await sent("before")).toBe("Bearer sk-the-first-key")
  // what was noticed shows that all files were looked at
  addGroup(gateway, "noticed")
  await all.looking("the group in the list", () => lists(gateway, "noticed"))
  mount(gateway.directory, "v2", "sk-the-second-key")
  let calls = 0
  await all.looking("the new key at the upstream", async () =>
    (await sent(`call <${++calls}>`)) === "Bearer sk-the-second-key" ? true : undefined,
  )

  const { configPath } = gateway.prepared
  renameSync(configPath, `${configPath}~`)
  await all.looking("the refusal in the log", () => (/does not exist/u.test(all.output()) ? true : undefined))
  expect(await sent("meanwhile")).toBe("Bearer sk-the-second-key")
  addGroup(gateway, "back")
  await all.looking("the group in the list", () => lists(gateway, "back"))
  expect(all.output()).not.toContain("sk-the")
  await upstream.stop()
})

test("watch_config: files that a refused configuration needs are awaited", async () => {
  const upstream = (await FakeUpstream.start()).otherwise(vendorAnswer())
  await using all = await house({
    upstreams: { upstream },
    configure: (config) => {
      config.server["watch_config"] = true
    },
  })
  const { gateway } = all
  const refusals = (): number => all.output().split("the configuration is refused").length - 1
  const refused = (count: number): Promise<true> =>
    all.looking(`refusal ${count}`, () => (refusals() >= count ? true : undefined))

  gateway.prepared.rewrite((config) => {
    config.server["admin_auth"] = { authorization: { enabled: true, policy_file: "late.csv" } }
  })
  addGroup(gateway, "with-script", { strategy: "script", script: "late.ts" })
  await refused(1)
  let before = 0
  let quietLooks = 0
  await all.looking("looks that tell nothing", () => {
    quietLooks = refusals() === before ? quietLooks + 1 : 0
    before = refusals()
    return quietLooks > 5 ? true : undefined
  })
  expect(before).toBe(1)
  const write = (name: string, text: string): void => writeFileSync(join(gateway.directory, name), text)
  write("late.csv", "p, viewer, *, admin:explain, read\n")
  await refused(before + 1)
  write("late.ts", 'import { index } from "./lib"\nexport const route = () => ({ targetIndex: index })\n')
  // an import is missing, then it is there and wrong
  await refused(before + 2)
  write("lib.ts", "export const index = = 0\n")
  await refused(before + 3)
  write("lib.ts", "export const index = 0\n")
  await all.looking("the group in the list", () => lists(gateway, "with-script"))
  expect((await gateway.call("chat", SAMPLES.chat.request({ model: "with-script" }))).status).toBe(200)
  await upstream.stop()
})

/** As Kubernetes mounts: the file is a link through `..data`, which is a link that is swapped. */
function mount(directory: string, version: string, key: string): void {
  mkdirSync(join(directory, version))
  writeFileSync(join(directory, version, "key"), `${key}\n`)
  symlinkSync(version, join(directory, "..data_tmp"))
  renameSync(join(directory, "..data_tmp"), join(directory, "..data"))
}
