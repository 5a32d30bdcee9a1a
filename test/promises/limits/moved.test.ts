/**
 * Callers, tokens and groups change or go by a reload while calls are in flight: those end as they began, nothing stays
 * reserved, and what limits count is what the rows say.
 */
import { Database } from "bun:sqlite"
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "bun:test"
import type { ErrorCode } from "../../../src/error-catalogue.ts"
import { reply, stream } from "../../helpers/behaviours.ts"
import { eventually, get, readAnswer, type Answer } from "../../helpers/client.ts"
import { callerEntry, newToken, sha256, targetsOf, type Config, type Setup } from "../../helpers/config.ts"
import { expectError } from "../../helpers/expectations.ts"
import type { Behaviour } from "../../helpers/fake-upstream.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import { startGateway, type LocalGateway } from "../../helpers/gateway.ts"
import { HeldClock } from "../../helpers/held-clock.ts"
import { databasePath } from "../../helpers/records.ts"
import { SAMPLES } from "../../helpers/samples.ts"
import { at } from "../../helpers/streams.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"

const TOKENS = 18
const STEP = 40
const first = newToken("first")
const second = newToken("second")
const watcher = newToken("watcher")
const otherWatcher = newToken("other")

let upstream: FakeUpstream
let router: LocalGateway

beforeAll(async () => {
  upstream = (await FakeUpstream.start()).otherwise(vendorAnswer())
})

beforeEach(async () => {
  const setup: Setup = {
    upstreams: { upstream },
    configure: (config) => {
      config.models["default"]!["default_output_reservation"] = STEP
      config.models["other"] = { strategy: "failover", targets: targetsOf(["upstream"]) }
      config.projects.push({ id: "shop", name: "Shop", status: "active", quota: { day: { tokens: 100_000 } } })
      config.projects[0]!["quota"] = { day: { tokens: 200_000, requests: 1000 } }
      config.project_memberships.push({ user_id: "me", project: "shop", role: "owner", status: "active" })
      const limits = { rate: { concurrent: 10 }, quota: { day: { tokens: 50_000 } }, spend: { day_usd: 10 } }
      config.callers.push(callerEntry("app", first, ["default", "other"], limits))
      config.callers.push(callerEntry("watcher", watcher, ["default"]))
      config.callers.push(callerEntry("other-watcher", otherWatcher, ["default"], { project: "shop" }))
    },
  }
  router = await startGateway(setup, { clock: new HeldClock() })
})

afterEach(() => router[Symbol.asyncDispose]())
afterAll(() => upstream.stop())

/** The entry of the caller that all this is about. */
function app(config: Config): Record<string, unknown> {
  return config.callers.find(({ id }) => id === "app")!
}

let reloads = 0

/** Resolves when the changed configuration is in force. */
async function reload(change: (config: Config) => void): Promise<void> {
  reloads += 1
  const mark = 1_000_000 + reloads
  router.prepared.rewrite((config) => {
    change(config)
    config.callers.find(({ id }) => id === "watcher")!["rate"] = { rpm: mark }
  })
  router.requestReload()
  await eventually("the reload", async () =>
    (await linesOf(watcher)).some(({ limit_value }) => limit_value === mark) ? true : undefined,
  )
}

interface Line {
  readonly scope: string
  readonly limit: string
  readonly limit_value: number
  readonly used: number
  readonly reserved: number
}

async function linesOf(token: string): Promise<readonly Line[]> {
  return at(JSON.parse((await get(router, "/v1/usage", { token })).text), "limits") as readonly Line[]
}

async function projectTokens(token: string): Promise<Line> {
  return (await linesOf(token)).find(({ scope, limit }) => scope === "project" && limit === "quota.day.tokens")!
}

const CALL = { token: first }
const call = (model = "default", token = first): Promise<Answer> =>
  router.call("chat", SAMPLES.chat.request({ model, extra: { max_tokens: 20 } }), { token })

/** A unary call, a capped stream and a stream that will outgrow its reservation, all on their way. */
async function inFlight(name: string, model = "default"): Promise<{ finish(): Promise<readonly Answer[]> }> {
  const gate = Promise.withResolvers<void>()
  const held: Behaviour = async (exchange) => {
    await gate.promise
    await reply(SAMPLES.chat.unary())(exchange)
  }
  const long = SAMPLES.chat.frames(Array.from({ length: 4 * STEP }, (_, index) => ` w${index % 10}`))
  const marks = ["unary", "capped", "grows"].map((kind) => `${name}-${kind}`)
  const [unary = "", capped = "", grows = ""] = marks
  upstream.plan(unary, held)
  for (const [mark, frames] of [
    [capped, SAMPLES.chat.frames()],
    [grows, long],
  ] as const)
    upstream.plan(mark, stream([...frames.slice(0, 3), { until: gate.promise }, ...frames.slice(3)]))
  const caps = { extra: { max_tokens: 20 }, model }
  const answers = [
    router.call("chat", SAMPLES.chat.request({ text: unary, ...caps }), CALL),
    readAnswer(await router.open("chat", SAMPLES.chat.request({ text: capped, stream: true, ...caps }), CALL)),
    readAnswer(await router.open("chat", SAMPLES.chat.request({ text: grows, stream: true, model }), CALL)),
  ]
  await upstream.arrival(unary)
  return {
    finish: () => {
      gate.resolve()
      return Promise.all(answers)
    },
  }
}

function expectWhole(answers: readonly Answer[]): void {
  for (const answer of answers) {
    expect(answer).toMatchObject({ status: 200, broken: false })
    expect(router.records.usage(answer.requestId)[0]).toMatchObject({
      status: 200,
      total_tokens: TOKENS,
      caller_id: "app",
    })
  }
  for (const { text } of answers.slice(1)) expect(text).toEndWith("data: [DONE]\n\n")
}

function rowsOf(where: string): { readonly tokens: number; readonly requests: number } {
  using database = new Database(databasePath(router.directory), { readonly: true })
  const sql = `SELECT total(total_tokens) AS tokens, total(attempts > 0) AS requests FROM request_usage WHERE ${where}`
  return database.query<{ tokens: number; requests: number }, []>(sql).get()!
}

/** Of both projects: nothing is held, and what is used is what rows say. */
async function expectSums(): Promise<void> {
  for (const [token, project] of [
    [watcher, "lab"],
    [otherWatcher, "shop"],
  ] as const) {
    const { used, reserved } = await projectTokens(token)
    expect({ project, used, reserved }).toEqual({
      project,
      used: rowsOf(`caller_project = '${project}'`).tokens,
      reserved: 0,
    })
  }
}

async function expectOwnSums(token: string): Promise<void> {
  const lines = (await linesOf(token)).filter(({ scope }) => scope === "caller")
  for (const line of lines) expect(line).toMatchObject({ reserved: 0 })
  expect(lines.find(({ limit }) => limit === "quota.day.tokens")).toMatchObject({
    used: rowsOf("caller_id = 'app'").tokens,
  })
}

/** What is changed, and what the next call with the first token gets. */
const CHANGES: readonly (readonly [string, (config: Config) => void, number, ErrorCode])[] = [
  ["suspended", (config) => (app(config)["status"] = "suspended"), 403, "key-suspended"],
  ["rotated", (config) => (app(config)["status"] = "rotated"), 403, "key-rotated"],
  ["removed", (config) => (config.callers = config.callers.filter(({ id }) => id !== "app")), 401, "unauthorized"],
  ["its token replaced", (config) => (app(config)["token_sha256"] = sha256(second)), 401, "unauthorized"],
  ["its token expired", (config) => (app(config)["token_expires_at"] = "2020-01-01T00:00:00Z"), 403, "key-expired"],
  ["its group no longer allowed", (config) => (app(config)["allow"] = ["other"]), 403, "model-not-allowed"],
  [
    "its limits below what is in use",
    (config) => (app(config)["quota"] = { day: { tokens: 10 } }),
    429,
    "quota-exhausted",
  ],
  [
    "its project's limits below that",
    (config) => (config.projects[0]!["quota"] = { day: { tokens: 10 } }),
    429,
    "quota-exhausted",
  ],
]

for (const [name, change, status, code] of CHANGES) {
  test(`the caller is ${name}`, async () => {
    const flying = await inFlight(name.replaceAll(" ", "-"))
    await reload(change)
    expectError(await call(), "chat", status, code)
    expectWhole(await flying.finish())
    await expectSums()
    const refused = await call()
    expectError(refused, "chat", status, code)
  })
}

test("its group is taken out of the configuration", async () => {
  const flying = await inFlight("group-gone", "other")
  await reload((config) => {
    delete config.models["other"]
    app(config)["allow"] = ["default"]
  })
  expectError(await call("other"), "chat", 403, "model-not-allowed")
  expectWhole(await flying.finish())
  await expectSums()
  await expectOwnSums(first)
})

test("its limits are raised, and go", async () => {
  const flying = await inFlight("raised")
  await reload((config) => (app(config)["quota"] = { day: { tokens: 90_000 } }))
  await reload((config) => {
    delete app(config)["quota"]
    delete app(config)["spend"]
    delete app(config)["rate"]
  })
  expect((await call()).status).toBe(200)
  expectWhole(await flying.finish())
  await expectSums()
  await reload((config) => (app(config)["quota"] = { day: { tokens: 90_000 } }))
  await expectOwnSums(first)
})

test("another token of the same caller: one count", async () => {
  const flying = await inFlight("second-token")
  await reload((config) => (app(config)["tokens"] = [{ token_sha256: sha256(second), token_id: "rtr_second" }]))
  expect((await call("default", second)).status).toBe(200)
  expectWhole(await flying.finish())
  await expectSums()
  await expectOwnSums(second)
})

test("it is moved to another project: calls in flight stay with the one that their rows name", async () => {
  const flying = await inFlight("moved")
  await reload((config) => (app(config)["project"] = "shop"))
  const held = await projectTokens(watcher)
  expect(held.reserved).toBeGreaterThan(60)
  expect((await projectTokens(otherWatcher)).reserved).toBe(0)
  expect((await call()).status).toBe(200)
  expectWhole(await flying.finish())
  expect(rowsOf("caller_project = 'shop'").tokens).toBe(TOKENS)
  await expectSums()
  await expectOwnSums(first)
})

test("it is moved, and the project that it leaves gets limits", async () => {
  await reload((config) => {
    delete config.projects[0]!["quota"]
    for (const key of ["rate", "quota", "spend"]) delete app(config)[key]
  })
  const flying = await inFlight("moved-unlimited")
  await reload((config) => {
    app(config)["project"] = "shop"
    config.projects[0]!["quota"] = { day: { tokens: 200_000 } }
  })
  expectWhole(await flying.finish())
  await expectSums()
})
