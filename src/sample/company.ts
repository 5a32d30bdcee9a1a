/** The company of the sample month: its people, programs, models and limits. All names and prices are invented. */
import { modelPricesOf } from "../ledger/model-prices.ts"
import type { ModelPrices } from "../ledger/price.ts"
import type { SampleCaller, SampleTarget } from "./call.ts"
import { SAMPLE_ENVIRONMENT, SAMPLE_TAG } from "./mark.ts"

export type GroupName = "assist" | "brief" | "code" | "nightly" | "vision"

/** When a program works: `shop` all day and every day, `office` on weekdays, `night` in the small hours. */
export type Rhythm = "shop" | "office" | "night"

export interface SampleProgram extends SampleCaller {
  readonly groups: readonly GroupName[]
  /** Calls on an ordinary weekday. */
  readonly perDay: number
  readonly rhythm: Rhythm
  /** Share of its calls that stream. */
  readonly streams: number
  /** Tokens of an ordinary call. */
  readonly input: number
  readonly output: number
  /** Share of its input that repeats what an earlier call said. */
  readonly repeats: number
  /** It has let providers cache its prompts from the beginning; the others begin in the middle of the month. */
  readonly caches: boolean
  /** As its configuration has them. */
  readonly limits: SampleLimits
  readonly tags: Readonly<Record<string, string>>
}

export interface SampleLimits {
  readonly monthUsd?: number
  readonly monthRequests?: number
  readonly lifetimeTokens?: number
  readonly rpm?: number
  /** Calls that may start in a second; the others wait in line. */
  readonly startsPerSecond?: number
}

export interface ModelSpeed {
  readonly firstMs: number
  readonly msPerToken: number
}

export interface SampleGroup {
  readonly strategy: "failover" | "static" | "weighted" | "dynamic_score"
  readonly targets: readonly SampleModel[]
  /** Weights of `weighted` and `dynamic_score`, in the order of the targets. */
  readonly weights: readonly number[]
}

export interface SampleModel extends SampleTarget, ModelSpeed {}

/** USD per million tokens. */
function prices(input: number, cached: number, written: number, output: number): ModelPrices {
  return modelPricesOf({
    input_price_per_million_usd: input,
    cached_input_price_per_million_usd: cached,
    cache_write_price_per_million_usd: written,
    output_price_per_million_usd: output,
  })
}

type Facts = readonly [provider: string, model: string, dialect: string, firstMs: number, msPerToken: number]

function model([provider, name, dialect, firstMs, msPerToken]: Facts, of: ModelPrices | null): SampleModel {
  const priced = { prices: of ?? modelPricesOf({}), pricingSource: of === null ? null : "made up for the demo" }
  return { provider, model: name, dialect, region: "sample-region", firstMs, msPerToken, ...priced }
}

const LARGE = model(["sample-north", "north-large", "anthropic", 620, 13], prices(3, 0.3, 3.75, 15))
const PRO = model(["sample-lumen", "lumen-pro", "openai-chat", 480, 11], prices(2, 0.2, 2.5, 8))
const MINI = model(["sample-lumen", "lumen-mini", "openai-chat", 260, 5], prices(0.15, 0.015, 0.1875, 0.6))
const CODER = model(["sample-atlas", "atlas-coder", "openai-responses", 540, 9], prices(1.25, 0.125, 1.5, 10))
const OPEN = model(["sample-harbor", "harbor-open", "openai-chat", 310, 16], prices(0.4, 0.04, 0.5, 1.6))
const VISION = model(["sample-harbor", "harbor-vision", "openai-chat", 700, 14], null)

export const GROUPS: Readonly<Record<GroupName, SampleGroup>> = {
  assist: { strategy: "failover", targets: [PRO, LARGE], weights: [1, 1] },
  brief: { strategy: "static", targets: [MINI], weights: [1] },
  code: { strategy: "dynamic_score", targets: [LARGE, CODER, OPEN], weights: [40, 45, 15] },
  nightly: { strategy: "weighted", targets: [OPEN, MINI], weights: [80, 20] },
  vision: { strategy: "static", targets: [VISION], weights: [1] },
}

type Who = readonly [id: string, user: string, project: string, environment: string, client: string, dialect: string]

function program(
  [id, user, project, environment, client, dialect]: Who,
  work: Omit<SampleProgram, keyof SampleCaller | "limits" | "tags"> & { readonly limits?: SampleLimits },
): SampleProgram {
  const where = { user, project, environment: `${SAMPLE_ENVIRONMENT}${environment}` }
  const tokenId = `rtr_${user}_${project}_${where.environment}_${id}`
  const tags = { [SAMPLE_TAG.name]: SAMPLE_TAG.value, cost_center: COST_CENTERS[project] ?? "cc-000" }
  return { id, ...where, tokenId, client, dialect, limits: {}, tags, ...work }
}

const COST_CENTERS: Readonly<Record<string, string>> = {
  storefront: "cc-100",
  helpdesk: "cc-200",
  analytics: "cc-300",
  devtools: "cc-400",
  research: "cc-500",
}

const AGENT = { groups: ["code"], rhythm: "office", streams: 1, repeats: 0.86, caches: true } as const
const AGENT_LIMITS = { limits: { rpm: 30 } } as const

export const PROGRAMS: readonly SampleProgram[] = [
  program(["storefront-web", "ana", "storefront", "prod", "openai-js", "openai-chat"], {
    groups: ["assist", "brief"],
    perDay: 250,
    rhythm: "shop",
    streams: 0.85,
    input: 1400,
    output: 240,
    repeats: 0.7,
    caches: false,
    limits: { monthRequests: 20_000 },
  }),
  program(["storefront-preview", "ana", "storefront", "staging", "openai-js", "openai-chat"], {
    groups: ["assist", "brief"],
    perDay: 14,
    rhythm: "office",
    streams: 0.85,
    input: 1400,
    output: 240,
    repeats: 0.7,
    caches: false,
  }),
  program(["helpdesk-bot", "ben", "helpdesk", "prod", "anthropic-python", "anthropic"], {
    groups: ["assist"],
    perDay: 190,
    rhythm: "shop",
    streams: 1,
    input: 3200,
    output: 320,
    repeats: 0.75,
    caches: false,
    limits: { monthUsd: 48 },
  }),
  program(["helpdesk-summaries", "ben", "helpdesk", "prod", "openai-python", "openai-chat"], {
    groups: ["brief"],
    perDay: 150,
    rhythm: "office",
    streams: 0,
    input: 2600,
    output: 180,
    repeats: 0.2,
    caches: false,
    limits: { startsPerSecond: 2 },
  }),
  program(["reports-nightly", "cleo", "analytics", "prod", "openai-python", "openai-responses"], {
    groups: ["nightly"],
    perDay: 130,
    rhythm: "night",
    streams: 0,
    input: 6000,
    output: 700,
    repeats: 0.3,
    caches: false,
    limits: { monthUsd: 31.3, startsPerSecond: 4 },
  }),
  program(["notebooks", "cleo", "analytics", "dev", "langchain", "openai-chat"], {
    groups: ["brief", "assist"],
    perDay: 26,
    rhythm: "office",
    streams: 0.2,
    input: 2200,
    output: 350,
    repeats: 0.3,
    caches: false,
  }),
  program(["agent-dan", "dan", "devtools", "dev", "claude-code", "anthropic"], {
    ...AGENT,
    ...AGENT_LIMITS,
    perDay: 62,
    input: 24_000,
    output: 520,
  }),
  program(["agent-eli", "eli", "devtools", "dev", "codex", "openai-responses"], {
    ...AGENT,
    ...AGENT_LIMITS,
    perDay: 56,
    input: 21_000,
    output: 610,
  }),
  program(["agent-fay", "fay", "devtools", "dev", "opencode", "openai-chat"], {
    ...AGENT,
    ...AGENT_LIMITS,
    perDay: 36,
    input: 18_000,
    output: 480,
  }),
  program(["agent-gus", "gus", "devtools", "dev", "copilot", "openai-chat"], {
    ...AGENT,
    ...AGENT_LIMITS,
    perDay: 44,
    input: 9000,
    output: 260,
  }),
  program(["research-evals", "hana", "research", "dev", "openai-agents", "openai-responses"], {
    groups: ["code"],
    perDay: 48,
    rhythm: "office",
    streams: 0.3,
    input: 5200,
    output: 900,
    repeats: 0.4,
    caches: false,
    limits: { lifetimeTokens: 7_900_000 },
  }),
  program(["research-vision", "hana", "research", "dev", "vercel-ai-sdk", "openai-chat"], {
    groups: ["vision"],
    perDay: 12,
    rhythm: "office",
    streams: 0.4,
    input: 1800,
    output: 260,
    repeats: 0,
    caches: false,
    limits: { lifetimeTokens: 1_000_000 },
  }),
]
