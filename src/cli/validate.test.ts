import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test"
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import path from "node:path"
import type { ActivationRecord } from "../activation/record.ts"
import { openActivationRecords } from "../activation/store.ts"
import { systemClock } from "../system/clock.ts"
import { silentLog } from "../system/log.ts"
import { runHere, smartRouter } from "../../test/helpers/command-line.ts"
import { callerEntry, newToken } from "../../test/helpers/config.ts"
import { withoutCap } from "../../test/helpers/lies.ts"
import { sampled } from "../../test/helpers/sample.ts"
import { MODEL, MODEL_KEY, type ModelServer, startModelServer } from "../../test/helpers/model-server.ts"
import { SHARED_COLOURS, squaresPng } from "../validation/squares.ts"

let server: ModelServer
const folder = mkdtempSync(path.join(tmpdir(), "router-test-"))
const file = path.join(folder, "config.yaml")
const DIALECTS = { chat: "openai-chat", responses: "openai-responses", messages: "anthropic" } as const

beforeAll(() => {
  server = startModelServer()
  writeConfig()
})
beforeEach(() => {
  server.lie = {}
})
afterAll(() => {
  server[Symbol.dispose]()
  rmSync(folder, { recursive: true })
})

function writeConfig(): void {
  const model = {
    model: MODEL,
    input_modalities: ["text", "image"],
    tool_support: {
      openai_chat: ["tools", "tool_choice", "structured_outputs"],
      openai_responses: ["function", "structured_outputs"],
      anthropic_messages: ["client_tools", "structured_outputs"],
    },
    input_price_per_million_usd: 1,
    output_price_per_million_usd: 2,
  }
  const providers = Object.entries(DIALECTS).map(([name, dialect]) => [
    name,
    { base_url: `${server.url}/v1`, dialect, api_key: "${KEY}", models: { one: model } },
  ])
  const config = {
    server: {
      listen: "127.0.0.1:0",
      default_caller: { rate: { rpm: 1 } },
      upstream: { allow_private_image_urls: true },
    },
    providers: Object.fromEntries(providers) as object,
    models: {
      default: {
        strategy: "weighted",
        targets: Object.keys(DIALECTS).map((provider) => ({ provider, model_ref: "one" })),
      },
    },
    users: [{ id: "me", name: "Me", type: "person", status: "active" }],
    projects: [{ id: "lab", name: "Lab", status: "active" }],
    project_memberships: [{ user_id: "me", project: "lab", role: "owner", status: "active" }],
    callers: [callerEntry("me-lab", newToken(), ["default"])],
  }
  writeFileSync(file, JSON.stringify(config))
}

const PASSING = sampled(
  "text budget caps streaming tools forced-tools parallel-tools structured-output image errors".split(" "),
  4,
)

async function records(): Promise<readonly ActivationRecord[]> {
  const address = { path: path.join(folder, "state/usage.sqlite"), dsn: undefined }
  const all = await openActivationRecords(address, { clock: systemClock, log: silentLog })
  try {
    return await all.newest()
  } finally {
    await all.close()
  }
}

function ofDefault(place: number): readonly string[] {
  return ["--group", "default", "--target", String(place)]
}

interface Told {
  readonly ok: boolean
  readonly recorded: number
  readonly spent_usd: number
  readonly targets: readonly {
    readonly provider: string
    readonly checks: readonly {
      readonly capability: string
      readonly way: string
      readonly outcome: string
      readonly reason: string
    }[]
  }[]
}

async function validate(
  ...args: readonly string[]
): Promise<{ readonly code: number; readonly told: Told; readonly err: string }> {
  const { code, out, err } = await runHere(["validate", "--config", file, "--json", ...args], {
    env: { KEY: MODEL_KEY },
  })
  return { code, told: JSON.parse(out) as Told, err }
}

const embeddedFolders = (): readonly string[] =>
  readdirSync(tmpdir()).filter((name) => name.startsWith("smart-router-validate-"))

test.each(sampled([1, 2, 3], 1))(
  "an honest upstream passes directly and through the router, in every dialect of client: target %d",
  async (place) => {
    const before = embeddedFolders()
    const named = PASSING.flatMap((name) => ["--capability", name])
    const { code, told, err } = await validate("--image-url", server.imageUrl, ...ofDefault(place), ...named)
    const odd = told.targets.flatMap(({ provider, checks }) =>
      checks.filter(({ outcome }) => outcome !== "pass" && outcome !== "skipped").map((check) => [provider, check]),
    )
    expect(odd).toEqual([])
    expect(code).toBe(0)
    for (const { provider, checks } of told.targets) {
      const own = DIALECTS[provider as keyof typeof DIALECTS]
      for (const [way, dialect] of [["direct", own], ...Object.values(DIALECTS).map((client) => ["router", client])])
        for (const capability of ["entitlement", ...PASSING])
          expect(checks).toContainEqual(expect.objectContaining({ capability, way, dialect, outcome: "pass" }))
    }
    expect(err).toMatch(/checks of 1 target, which cost at most \$\d/)
    expect(told.spent_usd).toBeGreaterThan(0)
    expect(embeddedFolders().filter((name) => !before.includes(name))).toEqual([])
  },
)

test("a lie makes a table with its reason, and exit code 1", async () => {
  server.lie = { hears: withoutCap }
  const { code, out } = await smartRouter(
    ["validate", "--config", file, "--group", "default", "--target", "1", "--capability", "caps"],
    {
      env: { KEY: MODEL_KEY },
    },
  )
  expect(code).toBe(1)
  expect(out).toContain("default target 1: chat/vendor/model-1 (openai-chat)")
  expect(out).toMatch(/caps +fail +skipped +skipped +skipped .*max_tokens was 24, and the answer has 291 characters/)
  expect(out).toMatch(/4 passed, 1 failed/)
})

test("only what is named is asked, and a bound of money holds", async () => {
  const { told } = await validate("--target", "2", "--group", "default", "--capability", "text", "--direct")
  expect(told.targets.map(({ provider }) => provider)).toEqual(["responses"])
  expect(
    told.targets[0]!.checks.filter(({ outcome }) => outcome === "pass").map(({ capability }) => capability),
  ).toEqual(["entitlement", "text"])
  expect(told.recorded).toBe(2)
  const kept = (await records()).filter(({ provider }) => provider === "responses")
  expect(kept.map(({ capability, result, group }) => [capability, result, group])).toEqual(
    expect.arrayContaining([["text", "pass", null]]),
  )
  expect(
    (await validate("--target", "1", "--group", "default", "--capability", "text", "--direct", "--no-record")).told
      .recorded,
  ).toBe(0)
  const before = server.asked.length
  const tight = await validate("--max-usd", "0.000001")
  expect([tight.code, tight.told.ok, tight.told.spent_usd]).toEqual([1, false, 0])
  expect(server.asked).toHaveLength(before)
})

test("writes the picture, and refuses what makes no sense", async () => {
  const picture = path.join(folder, "picture.png")
  expect((await runHere(["validate", "--write-image", picture])).code).toBe(0)
  expect(readFileSync(picture)).toEqual(Buffer.from(squaresPng(SHARED_COLOURS)))
  for (const args of [
    ["--capability", "tool"],
    ["--group", "defualt"],
    ["--target", "1"],
    ["--group", "default", "--target", "4"],
    ["--max-usd", "much"],
    ["--url", "http://127.0.0.1:1"],
    ["--token", "x"],
    ["--url", "http://127.0.0.1:1", "--token", "x"],
  ]) {
    const { code, err } = await runHere(["validate", "--config", file, ...args], { env: { KEY: MODEL_KEY } })
    expect({ args, code }).toEqual({ args, code: 2 })
    expect(err).toContain("smart-router validate --help")
  }
})

test("Ctrl-C ends it behind the check that is on its way, and what was proven is recorded", async () => {
  const before = embeddedFolders()
  server.lie = {
    hears: (request) => {
      process.emit("SIGINT")
      return request
    },
  }
  const { code, told } = await validate("--group", "default", "--target", "3")
  expect([code, told.ok, told.recorded]).toEqual([130, false, 1])
  expect(told.targets.map(({ checks }) => checks.map(({ capability }) => capability))).toEqual([["entitlement"]])
  expect(embeddedFolders()).toEqual(before)
})

test("a group that no router can serve is said, and what was proven directly stays", async () => {
  const config = JSON.parse(readFileSync(file, "utf8")) as { models: Record<string, object> }
  config.models["default"] = { ...config.models["default"], strategy: "script", script: "missing.ts" }
  writeFileSync(path.join(folder, "script.yaml"), JSON.stringify(config))
  writeFileSync(path.join(folder, "missing.ts"), "export const route = 7")
  const args = [
    "validate",
    "--config",
    path.join(folder, "script.yaml"),
    "--group",
    "default",
    "--target",
    "1",
    "--capability",
    "text",
  ]
  const { code, out } = await runHere([...args, "--no-record"], { env: { KEY: MODEL_KEY } })
  expect(code).toBe(1)
  expect(out).toMatch(/text +pass/)
  expect(out).toContain("No router could be started for it:")
})
