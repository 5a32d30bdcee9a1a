/** A changed configuration is taken over whole or not at all, and calls in flight finish on the one they started with. */
import { expect, test } from "bun:test"
import { mkdirSync, renameSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { reply, stream } from "../../helpers/behaviours.ts"
import { eventually, get, readAnswer } from "../../helpers/client.ts"
import { targetsOf } from "../../helpers/config.ts"
import { expectError, parsed } from "../../helpers/expectations.ts"
import { bodyText, FakeUpstream } from "../../helpers/fake-upstream.ts"
import type { RouterProcess } from "../../helpers/router-process.ts"
import { spawnRouter } from "../../helpers/router-process.ts"
import { SAMPLES } from "../../helpers/samples.ts"
import { at } from "../../helpers/streams.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"

async function modelIds(router: RouterProcess): Promise<readonly unknown[]> {
  const data = at(parsed(await get(router, "/v1/models")), "data")
  return Array.isArray(data) ? data.map((model) => at(model, "id")) : []
}

async function listed(router: RouterProcess, group: string): Promise<void> {
  await eventually(`group ${group} in the list`, async () =>
    (await modelIds(router)).includes(group) ? true : undefined,
  )
}

function addGroup(router: RouterProcess, group: string): void {
  router.prepared.rewrite((config) => {
    config.models[group] = { strategy: "static", targets: targetsOf(["upstream"]) }
    config.callers = config.callers.map((caller) => ({ ...caller, allow: Object.keys(config.models) }))
  })
}

test.concurrent("SIGHUP: a valid change is taken over, calls in flight are untouched, an invalid one is refused with its reason", async () => {
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
  await listed(router, "second")
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
}, 20_000)

test.concurrent("watch_config: a changed file is taken over without a signal", async () => {
  const upstream = (await FakeUpstream.start()).otherwise(vendorAnswer())
  await using router = await spawnRouter({
    upstreams: { upstream },
    configure: (config) => {
      config.server["watch_config"] = true
    },
  })
  addGroup(router, "watched")
  await listed(router, "watched")
  await upstream.stop()
}, 20_000)

test.concurrent("a caller removed by a reload is refused from then on", async () => {
  const upstream = (await FakeUpstream.start()).otherwise(reply(SAMPLES.chat.unary()))
  await using router = await spawnRouter({ upstreams: { upstream } })
  expect((await router.call("chat", SAMPLES.chat.request())).status).toBe(200)
  router.prepared.rewrite((config) => {
    config.callers = config.callers.map((caller) => ({ ...caller, status: "suspended" }))
  })
  router.signal("SIGHUP")
  const refused = await eventually("the refusal", async () => {
    const answer = await router.call("chat", SAMPLES.chat.request())
    return answer.status === 200 ? undefined : answer
  })
  expectError(refused, "chat", 403, "key-suspended")
  await upstream.stop()
}, 20_000)

test.concurrent("watch_config: a secret that is mounted anew reaches the upstream; a file that is away for a while does no harm", async () => {
  const upstream = (await FakeUpstream.start()).otherwise(vendorAnswer())
  await using router = await spawnRouter({
    upstreams: { upstream },
    configure: (config, directory) => {
      mount(directory, "v1", "sk-the-first-key")
      symlinkSync("..data/key", join(directory, "key"))
      config.server["watch_config"] = true
      for (const provider of Object.values(config.providers)) provider["api_key"] = "${file:key}"
    },
  })
  const sent = async (text: string): Promise<string> => {
    expect((await router.call("chat", SAMPLES.chat.request({ text }))).status).toBe(200)
    const lines = upstream.received(text)[0]?.request.headerLines ?? []
    return lines.find((line) => /^authorization:/iu.test(line))?.replace(/^\S+ /u, "") ?? ""
  }
  expect(await sent("before")).toBe("Bearer sk-the-first-key")
  mount(router.prepared.directory, "v2", "sk-the-second-key")
  let calls = 0
  await eventually("the new key at the upstream", async () =>
    (await sent(`call ${++calls}`)) === "Bearer sk-the-second-key" ? true : undefined,
  )

  const { configPath } = router.prepared
  renameSync(configPath, `${configPath}~`)
  await eventually("the refusal in the log", () => (/does not exist/u.test(router.output()) ? true : undefined))
  expect(await sent("meanwhile")).toBe("Bearer sk-the-second-key")
  addGroup(router, "back")
  await listed(router, "back")
  expect(router.output()).not.toContain("sk-the")
  await upstream.stop()
}, 30_000)

test.concurrent("watch_config: files that a refused configuration needs are awaited", async () => {
  const upstream = (await FakeUpstream.start()).otherwise(vendorAnswer())
  await using router = await spawnRouter({
    upstreams: { upstream },
    configure: (config) => {
      config.server["watch_config"] = true
    },
  })
  const { directory } = router.prepared
  const refusals = (): number => router.output().split("the configuration is refused").length - 1
  const refused = (count: number): Promise<true> =>
    eventually(`refusal ${count}`, () => (refusals() >= count ? true : undefined))

  addGroup(router, "with-script")
  router.prepared.rewrite((config) => {
    config.models["with-script"] = { ...config.models["with-script"], strategy: "script", script: "late.ts" }
    config.server["admin_auth"] = { authorization: { enabled: true, policy_file: "late.csv" } }
  })
  // the look for the first change may have met the second one already, which is then looked for again
  await refused(1)
  await Bun.sleep(2500)
  const before = refusals()
  // the second look, which finds nothing new, tells nothing
  await Bun.sleep(2500)
  expect(refusals()).toBe(before)
  writeFileSync(join(directory, "late.csv"), "p, viewer, *, admin:explain, read\n")
  await refused(before + 1)
  writeFileSync(
    join(directory, "late.ts"),
    'import { index } from "./lib"\nexport const route = () => ({ targetIndex: index })\n',
  )
  // an import is missing, then it is there and wrong
  await refused(before + 2)
  writeFileSync(join(directory, "lib.ts"), "export const index = = 0\n")
  await refused(before + 3)
  writeFileSync(join(directory, "lib.ts"), "export const index = 0\n")
  await listed(router, "with-script")
  await upstream.stop()
}, 60_000)

/** As Kubernetes mounts: the file is a link through `..data`, which is a link that is swapped. */
function mount(directory: string, version: string, key: string): void {
  mkdirSync(join(directory, version))
  writeFileSync(join(directory, version, "key"), `${key}\n`)
  symlinkSync(version, join(directory, "..data_tmp"))
  renameSync(join(directory, "..data_tmp"), join(directory, "..data"))
}
