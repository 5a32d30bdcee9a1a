/** What a contract asks of targets, and what is said about one that cannot be kept. */
import { describe, expect, test } from "bun:test"
import { KEYS, loadText, mustLoad, SMALLEST } from "../../../test/helpers/load-text.ts"
import { compile } from "./compile.ts"
import type { GroupContract } from "../config.ts"
import { targetContract, type ContractFacts } from "./contract.ts"

const FACTS: ContractFacts = {
  capabilities: { tools: true, toolChoice: true, structuredOutput: true, images: true, reasoning: true },
  inputModalities: ["text", "image"],
  outputModalities: ["text"],
  contextTokens: 1000,
  tags: ["eu", "coding"],
  validation: { status: "passed", validated_at: "2026-01-01", quality_score: 0.8, pass_rate: 0.9 },
}
const NONE = { tools: null, toolChoice: false, structuredOutput: null, images: null, reasoning: null }
const UNABLE: ContractFacts = { ...FACTS, capabilities: NONE, inputModalities: [], contextTokens: 0, tags: [] }

const contract = (parts: Partial<GroupContract>): GroupContract => ({
  intended_workloads: [],
  supported_api_shapes: [],
  ...parts,
})
const floor = (parts: object): GroupContract =>
  contract({ quality_floor: { require_tags: [], allowed_validation_status: [], ...parts } })

describe("a contract", () => {
  const cases: readonly (readonly [reason: string, contract: GroupContract, without: Partial<ContractFacts>])[] = [
    ["contract-required-tools", contract({ required_capabilities: { tools: true } }), UNABLE],
    ["contract-required-tool-choice", contract({ required_capabilities: { forced_tool_choice: true } }), UNABLE],
    ["contract-required-structured-output", contract({ required_capabilities: { structured_outputs: true } }), UNABLE],
    [
      "contract-required-modality",
      contract({ required_capabilities: { input_modalities: ["text", "image"] } }),
      UNABLE,
    ],
    ["contract-required-modality", contract({ required_capabilities: { output_modalities: ["image"] } }), FACTS],
    ["contract-required-context", contract({ required_capabilities: { min_context_tokens: 1000 } }), UNABLE],
    ["contract-required-reasoning", contract({ required_capabilities: { reasoning: true } }), UNABLE],
    ["contract-quality-floor", floor({ require_tags: ["eu"] }), UNABLE],
    ["contract-quality-floor", floor({ min_eval_quality_score: 0.8 }), { validation: { quality_score: 0.79 } }],
    ["contract-quality-floor", floor({ min_eval_pass_rate: 0.9 }), { validation: { quality_score: 1 } }],
    ["contract-no-validated-target", floor({ allowed_validation_status: ["passed"] }), { validation: { status: "x" } }],
    ["contract-no-validated-target", floor({ allowed_validation_status: ["passed"] }), { validation: undefined }],
    ["contract-no-validated-target", floor({ max_eval_age_days: 9 }), { validation: { status: "passed" } }],
  ]
  test.each(cases.map((entry) => [...entry] as const))(
    "refuses a target by the code %s (case %#)",
    (reason, promised, without) => {
      expect(targetContract(promised, { ...FACTS, ...without }).lacks).toBe(reason as "contract-quality-floor")
      if (without !== FACTS) expect(targetContract(promised, FACTS).lacks).toBeNull()
      expect(targetContract(undefined, { ...FACTS, ...without }).lacks).toBeNull()
    },
  )

  test("counts evidence for the days that it says; 0 days are no limit", () => {
    expect(targetContract(floor({ max_eval_age_days: 2 }), FACTS).validUntil).toBe(Date.UTC(2026, 0, 3))
    expect(targetContract(floor({ max_eval_age_days: 0 }), FACTS).validUntil).toBe(Infinity)
  })
})

const withContract = (text: string, target = "", group = ""): string =>
  SMALLEST.replace("strategy: static", `strategy: static\n${group}    contract:\n      ${text}`).replace(
    "model_ref: mini",
    `model_ref: mini${target}`,
  )

describe("loading the file", () => {
  const cases: readonly (readonly [name: string, yaml: string, path: string])[] = [
    [
      "a tag that no target has",
      withContract("quality_floor: { require_tags: [eu, codign] }", ", tags: [eu, coding]"),
      "models.default.contract.quality_floor.require_tags[1]",
    ],
    [
      "a status that no target has",
      withContract("quality_floor: { allowed_validation_status: [pased] }", ", validation: { status: passed }"),
      "models.default.contract.quality_floor.allowed_validation_status",
    ],
    [
      "an API that no target serves",
      withContract("supported_api_shapes: [openai_chat, anthropic_messages]", "", "    translation: off\n"),
      "models.default.contract.supported_api_shapes[1]",
    ],
    [
      "an API that nobody knows",
      withContract("supported_api_shapes: [grpc]"),
      "models.default.contract.supported_api_shapes[0]",
    ],
    [
      "a contract that no target can keep",
      withContract("required_capabilities: { tools: true }"),
      "models.default.contract",
    ],
    [
      "a score out of range",
      withContract("quality_floor: { min_eval_quality_score: 1.2 }"),
      "models.default.contract.quality_floor.min_eval_quality_score",
    ],
    [
      "a day that does not exist",
      withContract("display_name: x", ", validation: { validated_at: '2026-02-31' }"),
      "models.default.targets[0].validation.validated_at",
    ],
    [
      "a negative threshold",
      withContract("operational_targets: { max_error_rate: -1 }"),
      "models.default.contract.operational_targets.max_error_rate",
    ],
  ]
  test.each(cases.map((entry) => [...entry] as const))("finds %s", (_, yaml, path) => {
    const { config, findings } = loadText(yaml, { env: KEYS })
    const errors = findings.filter(({ severity }) => severity === "error")
    expect(config).toBeNull()
    const found = errors.find((finding) => finding.path === path)
    expect(found).toBeDefined()
    const line = yaml.split("\n")[found!.line - 1] ?? ""
    expect(line).toContain(path.split(/[.[]/).findLast((part) => /^[a-z_]+$/.test(part))!)
    expect(found!.column).toBeGreaterThan(1)
  })

  test("finds a ceiling whose tiers no target has, and says what was probably meant", () => {
    const withCeiling = (ceiling: string): ReturnType<typeof loadText> =>
      loadText(
        SMALLEST.replace("model: gpt-5-mini", "model: gpt-5-mini, tier: cheap").replace(
          "strategy: static",
          `strategy: static\n    spend_ceiling: ${ceiling}`,
        ),
        { env: KEYS },
      )
    for (const ceiling of ["{ allowed_tiers: [chaep] }", "{ max_tier: small }", "{ allowed_tiers: [] }"])
      expect(withCeiling(ceiling).findings).toContainEqual(
        expect.objectContaining({ severity: "error", code: "ceiling-unmet", path: "models.default.spend_ceiling" }),
      )
    expect(withCeiling("{ allowed_tiers: [chaep] }").findings.flatMap(({ nearest }) => nearest ?? [])).toEqual([
      "cheap",
    ])
    for (const ceiling of ["{ max_tier: heavy }", "{ allowed_tiers: [cheap] }", "{ max_estimated_cost_usd: 0.1 }"])
      expect(withCeiling(ceiling).config).not.toBeNull()
    expect(withCeiling("{ max_tier: coding }").findings).toContainEqual(
      expect.objectContaining({ severity: "warning", path: "models.default.spend_ceiling.max_tier" }),
    )
  })

  test("finds nothing where the contract can be kept", () => {
    const able =
      ", tags: [eu], tool_support: { openai_chat: [tools] }, validation: { status: passed, quality_score: 0.9 }"
    const promises =
      "supported_api_shapes: [openai_chat, anthropic_messages]\n      required_capabilities: { tools: true }\n" +
      "      quality_floor: { require_tags: [eu], allowed_validation_status: [passed], min_eval_quality_score: 0.9 }"
    const { findings } = loadText(withContract(promises, able), { env: KEYS })
    expect(findings.filter(({ severity }) => severity === "error")).toEqual([])
  })

  test("names a tag that was probably meant", () => {
    const { findings } = loadText(withContract("quality_floor: { require_tags: [codng] }", ", tags: [coding]"), {
      env: KEYS,
    })
    expect(findings.flatMap(({ nearest }) => nearest ?? [])).toEqual(["coding"])
  })
})

test("the fingerprint of the routing configuration changes with what decides about eligibility", () => {
  const print = (yaml: string): string =>
    compile(mustLoad(yaml, { env: KEYS }), { userAgent: "test" }).routingFingerprint
  const variants = [
    SMALLEST,
    SMALLEST.replace("model_ref: mini", "model_ref: mini, tool_only: true"),
    SMALLEST.replace("model: gpt-5-mini", "model: gpt-5-mini, context_tokens: 9"),
    SMALLEST.replace("strategy: static", "strategy: static\n    affinity: { enabled: false }"),
    withContract("display_name: x"),
  ]
  expect(new Set(variants.map(print)).size).toBe(variants.length)
  expect(print(SMALLEST)).toBe(print(SMALLEST))
})
