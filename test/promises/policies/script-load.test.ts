/** Scripts are bundled when the configuration is loaded: with their imports, or refused with file, line and column. */
import { expect, test } from "bun:test"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import path from "node:path"
import type { Group } from "../../../src/config/snapshot.ts"
import { Scripts } from "../../../src/routing/script/scripts.ts"
import { computingClocks, systemClock } from "../../../src/system/clock.ts"
import { silentLog } from "../../../src/system/log.ts"
import { eventually } from "../../helpers/client.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import { targetsOf } from "../../helpers/config.ts"
import { spawnRouter } from "../../helpers/router-process.ts"
import { sampled } from "../../helpers/sample.ts"
import { SAMPLES } from "../../helpers/samples.ts"
import { startWith } from "../../helpers/scripted.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"

test("relative imports and packages beside the script are part of it", async () => {
  await using router = await startWith((directory) => {
    const scripts = path.join(directory, "scripts")
    mkdirSync(path.join(scripts, "lib"), { recursive: true })
    mkdirSync(path.join(scripts, "node_modules/picker"), { recursive: true })
    writeFileSync(path.join(scripts, "node_modules/picker/package.json"), '{"name":"picker","main":"main.js"}')
    writeFileSync(path.join(scripts, "node_modules/picker/main.js"), "exports.last = (list) => list.length - 1")
    writeFileSync(
      path.join(scripts, "lib/choose.ts"),
      'import { last } from "picker"\nexport const choose = (list: unknown[]): number => last(list)',
    )
    writeFileSync(
      path.join(scripts, "route.ts"),
      'import { choose } from "./lib/choose"\nexport function route(ctx: any) { return { targetIndex: choose(ctx.targets) } }',
    )
    return { strategy: "script", script: "scripts/route.ts" }
  })
  const answer = await router.gateway.call("chat", SAMPLES.chat.request())
  expect(answer.text).toBe(SAMPLES.chat.unary("second"))
})

/** As the start of a router has them. */
const scripts = new Scripts({
  client: { send: () => Promise.resolve({ kind: "fault", fault: "forbidden" }) },
  clock: systemClock,
  clocks: computingClocks,
  log: silentLog,
})

const BAD: Readonly<Record<string, readonly [string, RegExp]>> = {
  "a syntax error": ["export function route(ctx {}\n", /models\.default\.script: route\.ts:1:\d+ /],
  "a missing import": ['\nimport { a } from "./missing"\nexport const route = () => a', /route\.ts:2:\d+ .*missing/],
  "an import of the system": [
    'import { readFileSync } from "node:fs"\nexport const route = () => readFileSync("x")',
    /route\.ts:1:\d+ .*node:fs/,
  ],
  "a macro": [
    'import { a } from "./a.ts" with { type: "macro" }\nexport const route = () => a()',
    /route\.ts:1:19 .*attributes/,
  ],
  "no route": ["export const rout = 1", /models\.default\.script: .*no exported function/],
  "a throw at load": ["throw new Error('x')\nexport const route = 1", /models\.default\.script: threw/],
  "a loop at load": ["while (true) {}\nexport const route = 1", /models\.default\.script: deadline/],
}

for (const [what, [source, message]] of sampled(Object.entries(BAD), 5)) {
  test(`${what} refuses the start`, async () => {
    const folder = mkdtempSync(path.join(tmpdir(), "script-load-"))
    const file = path.join(folder, "route.ts")
    writeFileSync(file, source)
    const settings = { file, deadlineMs: 50, memoryBytes: 16_777_216, onError: "fail_closed", http: null } as const
    const group = { name: "default", targets: [], script: settings, shadow: null } as unknown as Group
    const refusal: unknown = await scripts.prepare([group]).catch((error: unknown) => error)
    expect(String(refusal)).toMatch(message)
    rmSync(folder, { recursive: true })
  })
}

test("a bad script refuses the reload and the good one stays; the next good one is taken", async () => {
  const upstream = (await FakeUpstream.start()).otherwise(vendorAnswer("one"))
  const second = (await FakeUpstream.start()).otherwise(vendorAnswer("two"))
  let file = ""
  await using router = await spawnRouter({
    upstreams: { upstream, second },
    configure: (config, directory) => {
      file = path.join(directory, "route.ts")
      writeFileSync(file, "export const route = () => ({ targetIndex: 0 })")
      config.models["default"] = { strategy: "script", script: "route.ts", targets: targetsOf(["upstream", "second"]) }
    },
  })
  const text = async (): Promise<string> => (await router.call("chat", SAMPLES.chat.request())).text
  expect(await text()).toBe(SAMPLES.chat.unary("one"))
  writeFileSync(file, "export const route = () => ({ targetIndex: 1 )")
  router.signal("SIGHUP")
  await eventually("the refusal", () => (/refused.*route\.ts:1:\d+/u.test(router.output()) ? true : undefined))
  expect(await text()).toBe(SAMPLES.chat.unary("one"))
  writeFileSync(file, "export const route = () => ({ targetIndex: 1 })")
  router.signal("SIGHUP")
  await eventually("the new script", async () => ((await text()) === SAMPLES.chat.unary("two") ? true : undefined))
  await Promise.all([upstream.stop(), second.stop()])
})
