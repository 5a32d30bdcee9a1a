/** The commands of operators, against a router that runs and a database that is there. */
import { afterAll, beforeAll, expect, test } from "bun:test"
import { join } from "node:path"
import { reply } from "../../test/helpers/behaviours.ts"
import { tied } from "../../test/helpers/children.ts"
import { runHere } from "../../test/helpers/command-line.ts"
import { prepare } from "../../test/helpers/config.ts"
import { FakeUpstream } from "../../test/helpers/fake-upstream.ts"
import { startGateway, type LocalGateway } from "../../test/helpers/gateway.ts"
import { onDrawnDriver } from "../../test/helpers/ledger-drivers.ts"
import { oldestLedger } from "../../test/helpers/oldest-ledger.ts"
import { databasePath } from "../../test/helpers/records.ts"
import { SAMPLES } from "../../test/helpers/samples.ts"
import { MIGRATIONS, NEWEST } from "../ledger/migrations.ts"

let upstream: FakeUpstream
let gateway: LocalGateway

beforeAll(async () => {
  upstream = await FakeUpstream.start()
  gateway = await startGateway({ upstreams: { upstream } })
})
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream.stop()
})

const here = (command: string, ...more: readonly string[]) =>
  runHere([command, "--config", gateway.prepared.configPath, ...more], { env: gateway.prepared.env })

test("reload says that the configuration was taken, or why it was refused, or that no router is there", async () => {
  expect(await here("reload")).toMatchObject({ code: 0, out: expect.stringContaining(`process ${process.pid}`) })
  gateway.prepared.rewrite((config) => {
    config.callers = config.callers.map((caller) => ({ ...caller, allow: ["defalt"] }))
  })
  expect(await here("reload")).toMatchObject({ code: 3, err: expect.stringContaining('Did you mean "default"?') })
  expect(JSON.parse((await here("reload", "--json")).out)).toMatchObject({ is: "refused", pid: process.pid })
  gateway.prepared.rewrite((config) => {
    config.callers = config.callers.map((caller) => ({ ...caller, allow: ["default"] }))
  })
  expect(JSON.parse((await here("reload", "--json")).out)).toEqual({ is: "taken", pid: process.pid })
  const other = prepare({ upstreams: { upstream } })
  expect(await runHere(["reload", "--config", other.configPath])).toMatchObject({
    code: 1,
    err: expect.stringContaining("No router runs on"),
  })
  other.remove()
})

test("status names the targets that are hindered, and the state of the usage database", async () => {
  const failing = (await FakeUpstream.start()).otherwise(reply("{}", { status: 500 }))
  await using broken = await startGateway({
    upstreams: { alpha: failing, beta: upstream },
    configure: (config) => void (config.server["breaker"] = { failures: 1 }),
  })
  const { prepared } = broken
  const status = (...more: readonly string[]) =>
    runHere(["status", "--config", prepared.configPath, ...more], { env: prepared.env })
  const said = JSON.parse((await status("--json")).out) as Readonly<Record<string, unknown>>
  expect(said).toMatchObject({
    workers: 1,
    ledger: { takes_rows: true, outages: 0, spooled_bytes: 0 },
    targets: expect.arrayContaining([expect.objectContaining({ group: "default", breaker: "closed", pause: null })]),
  })
  await broken.call("chat", SAMPLES.chat.request())
  const { code, out } = await status()
  expect({ code, out }).toEqual({ code: 0, out: expect.stringContaining("breaker open") })
  expect(out).toContain("default: alpha-chat")
  await failing.stop()
})

test("status --watch goes on until Ctrl-C", async () => {
  const command = ["src/main.ts", "status", "--watch", "--json", "--config", gateway.prepared.configPath]
  const child = Bun.spawn(tied([process.execPath, "--no-env-file", ...command]), {
    cwd: join(import.meta.dir, "../.."),
    env: { PATH: process.env["PATH"] ?? "", ...gateway.prepared.env },
    stdin: "ignore",
    stdout: "pipe",
  })
  let text = ""
  for await (const part of child.stdout.pipeThrough(new TextDecoderStream())) {
    text += part
    if (text.split("\n").length > 2) child.kill("SIGINT")
  }
  expect(await child.exited).toBe(130)
  const lines = text.trim().split("\n")
  expect(lines.length).toBeGreaterThan(1)
  for (const line of lines) expect(JSON.parse(line)).toMatchObject({ pid: process.pid })
})

test("health says whether a router takes calls, and why not", async () => {
  for (const more of [[], ["--live"]])
    expect(await runHere(["health", "--url", gateway.url, ...more])).toMatchObject({ code: 0, err: "" })
  expect(JSON.parse((await runHere(["health", "--url", gateway.url, "--json"])).out)).toEqual({ status: "ready" })
  const broken = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: ({ url }) =>
      url.endsWith("/readyz")
        ? Response.json({ status: "not-ready", parts: ["usage_db", "shared_state"] }, { status: 503 })
        : new Promise<Response>(() => {}),
  })
  const url = broken.url.origin
  expect(await runHere(["health", "--url", url])).toMatchObject({
    code: 1,
    err: expect.stringContaining("usage_db, shared_state not usable"),
  })
  expect(await runHere(["health", "--url", url, "--live", "--timeout", "0.05"])).toMatchObject({
    code: 1,
    err: expect.stringContaining("does not answer in 0.05 s"),
  })
  await broken.stop(true)
  expect(await runHere(["health", "--url", url])).toMatchObject({
    code: 1,
    err: expect.stringContaining("no connection"),
  })
  for (const wrong of ["nonsense", "ftp://127.0.0.1", "--timeout"])
    expect((await runHere(["health", "--url", wrong, "--timeout", "x"])).code).toBe(2)
})

test("health finds the address in the configuration", async () => {
  const other = prepare({ upstreams: { upstream } })
  other.rewrite((config) => (config.server["listen"] = `0.0.0.0:${new URL(gateway.url).port}`))
  expect(await runHere(["health", "--config", other.configPath], { env: other.env })).toMatchObject({
    code: 0,
    err: "",
  })
  other.remove()
})

onDrawnDriver((driver) => {
  test("migrate says which steps are missing, takes them, and says so", async () => {
    await using state = await driver.state()
    const prepared = prepare({
      upstreams: { upstream },
      configure: (config) => void (config.server["usage_db"] = { ...state.usageDb, path: state.path }),
    })
    const migrate = (...words: readonly string[]) =>
      runHere(["migrate", ...words, "--config", prepared.configPath], { env: prepared.env })
    await oldestLedger(state, 10)
    const version = async (): Promise<unknown> =>
      (await state.rows("SELECT max(version) AS version FROM schema_migrations"))[0]
    const behind = await migrate("status")
    expect([behind.code, behind.out]).toEqual([1, expect.stringContaining(`version 1: ${MIGRATIONS.length - 1} steps`)])
    const planned = await migrate("plan", "--json")
    expect(JSON.parse(planned.out)).toMatchObject({
      version: 1,
      newest: NEWEST,
      missing: MIGRATIONS.slice(1).map((step) => ({ version: step.version, over_calls: step.overCalls !== undefined })),
    })
    expect(await version()).toEqual({ version: 1 })
    expect((await migrate("apply")).code).toBe(0)
    expect(await version()).toEqual({ version: NEWEST })
    expect(await migrate("status")).toMatchObject({ code: 0, out: expect.stringContaining("up to date") })
    expect((await migrate("apply")).code).toBe(0)
    expect((await migrate("undo")).code).toBe(2)
    prepared.remove()
  })
})

test("migrate makes a database that is not there yet, and names one that cannot be used", async () => {
  const prepared = prepare({ upstreams: { upstream } })
  const migrate = (word: string) => runHere(["migrate", word, "--config", prepared.configPath], { env: prepared.env })
  expect(await migrate("status")).toMatchObject({ code: 1, out: expect.stringContaining("version 0") })
  expect((await migrate("apply")).code).toBe(0)
  expect((await migrate("status")).code).toBe(0)
  await Bun.write(databasePath(prepared.directory), "no database, ".repeat(1000))
  const { code, err } = await migrate("status")
  expect([code, err]).toEqual([1, expect.stringContaining(join(prepared.directory, "state"))])
  prepared.remove()
})
