/** The catalogue for Codex CLI: one entry that it cannot read would cost it the whole file. */
import { afterAll, beforeAll, expect, test } from "bun:test"
import { z } from "zod"
import { get } from "../../helpers/client.ts"
import { callerEntry, newToken, targetsOf } from "../../helpers/config.ts"
import { expectCommonHeaders, expectError, parsed } from "../../helpers/expectations.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import type { Gateway } from "../../helpers/gateway.ts"
import { startGateway } from "../../helpers/gateway.ts"
import { at } from "../../helpers/streams.ts"
import { EVERYTHING } from "../../helpers/translating.ts"

/** As Codex reads it: what is not marked optional is demanded, enumerations are closed. */
const effort = z.enum(["none", "minimal", "low", "medium", "high", "xhigh"])
const integer = z.int()
const ENTRY = z.strictObject({
  slug: z.string().min(1),
  display_name: z.string().min(1),
  description: z.string().nullable(),
  default_reasoning_level: effort.optional(),
  supported_reasoning_levels: z.array(z.strictObject({ effort, description: z.string() })),
  shell_type: z.literal("unified_exec"),
  visibility: z.literal("list"),
  supported_in_api: z.literal(true),
  priority: integer,
  upgrade: z.null(),
  base_instructions: z.string().min(1),
  supports_reasoning_summaries: z.boolean(),
  support_verbosity: z.boolean(),
  default_verbosity: z.enum(["low", "medium", "high"]).nullable(),
  apply_patch_tool_type: z.literal("freeform"),
  truncation_policy: z.strictObject({ mode: z.enum(["bytes", "tokens"]), limit: integer }),
  supports_parallel_tool_calls: z.boolean(),
  experimental_supported_tools: z.array(z.string()),
  context_window: integer.positive().optional(),
  input_modalities: z.array(z.enum(["text", "image"])).min(1),
})
const CATALOGUE = z.strictObject({ models: z.array(ENTRY).min(1) })

const other = newToken("other")
let upstream: FakeUpstream
let gateway: Gateway

beforeAll(async () => {
  upstream = await FakeUpstream.start()
  gateway = await startGateway({
    upstreams: { upstream },
    configure: (config) => {
      const of = (dialect: string, more = {}): object[] =>
        targetsOf(["upstream"], more).filter(({ provider }) => provider === `upstream-${dialect}`)
      config.models["default"] = { ...config.models["default"], aliases: ["gpt-team", "with/slash"] }
      config.models["thinking"] = { strategy: "static", targets: of("responses", EVERYTHING) }
      config.models["blind"] = { strategy: "static", targets: of("responses", { input_modalities: ["text"] }) }
      config.models["translated"] = {
        strategy: "static",
        targets: [
          ...of("chat", { ...EVERYTHING, context_tokens: 200_000 }),
          ...of("messages", { ...EVERYTHING, context_tokens: 128_000 }),
          ...of("messages", EVERYTHING),
        ],
      }
      config.models["deep"] = { strategy: "static", targets: of("messages", EVERYTHING) }
      config.models["untranslated"] = { strategy: "static", translation: "off", targets: of("chat", EVERYTHING) }
      config.models["toolless"] = { strategy: "static", targets: of("messages") }
      config.callers = config.callers.map((caller) => ({ ...caller, allow: Object.keys(config.models) }))
      config.models["private"] = { strategy: "static", targets: targetsOf(["upstream"]) }
      config.callers.push(callerEntry("other", other, ["private"]))
    },
  })
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream.stop()
})

type Entry = z.infer<typeof ENTRY>

async function catalogue(path = "/v1/codex/models.json", token = gateway.token): Promise<readonly Entry[]> {
  const answer = await get(gateway, path, { token })
  expect(answer.status).toBe(200)
  expectCommonHeaders(answer, "chat")
  return CATALOGUE.parse(parsed(answer)).models
}

test.each(["/v1/codex/models.json", "/codex/models.json", "/v1/codex/models.json?client_version=0.169.0"])(
  "%s: the caller's groups and aliases that can serve Codex, each entry whole",
  async (path) => {
    const models = await catalogue(path)
    expect(models.map(({ slug }) => slug).toSorted()).toEqual(
      ["blind", "deep", "default", "gpt-team", "thinking", "translated", "with/slash"].toSorted(),
    )
    expect(new Set(models.map(({ priority }) => priority)).size).toBe(models.length)
  },
)

test("entries say what the targets say of themselves", async () => {
  const bySlug = new Map((await catalogue()).map((entry) => [entry.slug, entry]))
  const levels = (slug: string): readonly string[] | undefined =>
    bySlug.get(slug)?.supported_reasoning_levels.map(({ effort: level }) => level)
  expect(levels("thinking")).toEqual(["low", "medium", "high"])
  expect(bySlug.get("thinking")).toMatchObject({
    default_reasoning_level: "medium",
    supports_reasoning_summaries: true,
    support_verbosity: true,
    input_modalities: ["text", "image"],
  })
  // the highest where all take it
  expect(levels("deep")).toEqual(["low", "medium", "high", "xhigh"])
  expect(levels("translated")).toEqual(["low", "medium", "high"])
  expect(levels("blind")).toEqual([])
  expect(bySlug.get("blind")).toMatchObject({ supports_reasoning_summaries: false, input_modalities: ["text"] })
  expect(bySlug.get("blind")).not.toHaveProperty("default_reasoning_level")
  expect(bySlug.get("translated")).toMatchObject({ support_verbosity: false, input_modalities: ["text", "image"] })
  // the smallest that is known
  expect(bySlug.get("translated")?.context_window).toBe(128_000)
  expect(bySlug.get("thinking")).not.toHaveProperty("context_window")
})

test("the models list holds the same entries, and Anthropic's form none", async () => {
  const list = parsed(await get(gateway, "/v1/models?client_version=0.169.0"))
  expect(at(list, "models")).toEqual(await catalogue())
  const anthropic = parsed(await get(gateway, "/v1/models", { headers: { "anthropic-version": "2023-06-01" } }))
  expect(at(anthropic, "models")).toBeUndefined()
})

test("another caller sees other groups, nobody sees upstreams, and a token is needed", async () => {
  expect((await catalogue(undefined, other)).map(({ slug }) => slug)).toEqual(["private"])
  const { text } = await get(gateway, "/v1/codex/models.json")
  for (const secret of ["vendor/model-1", "private", ...gateway.prepared.secrets]) expect(text).not.toContain(secret)
  expectError(await get(gateway, "/v1/codex/models.json", { token: null }), "chat", 401, "unauthorized")
  const posted = await get(gateway, "/v1/codex/models.json", { method: "POST" })
  expectError(posted, "chat", 405, "method-not-allowed")
})
