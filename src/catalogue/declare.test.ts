/** What to declare follows from checks, and from calls where nothing is said; a list is written only when all its words are known. */
import { describe, expect, test } from "bun:test"
import { CAPABILITIES, type Capability } from "../activation/capabilities.ts"
import { WIRES } from "../dialects/wires.ts"
import type { CapabilityFacts, Observed } from "./capability-facts.ts"
import { isDeclarable } from "./capability-keys.ts"
import { declarationsOf, type DeclaredPlace, type KnownTarget } from "./declare.ts"

type Said = Readonly<Partial<Record<Capability, Partial<CapabilityFacts>>>>

const PATH = ["providers", "p", "models", "m"] as const
const OWN = ["models", "g", "targets", 0] as const

function known(
  said: Said,
  place: Partial<DeclaredPlace> = {},
  observed: readonly (readonly [Capability, Observed])[] = [],
): KnownTarget {
  return {
    capabilities: CAPABILITIES.map((capability) => ({
      capability,
      declared: null,
      isDeclarable: isDeclarable(capability),
      proven: "missing",
      checkedAtMs: null,
      provenUntilMs: null,
      reason: "",
      ...said[capability],
    })),
    place: {
      words: WIRES["openai-chat"],
      path: PATH,
      ownPath: OWN,
      ownKeys: [],
      blocks: [],
      inputModalities: null,
      ...place,
    },
    observed: new Map(observed),
  }
}

const written = (...targets: readonly KnownTarget[]) =>
  declarationsOf(targets).map(({ path, key, yaml }) => `${path.join(".")}.${key}: ${yaml}`)

const proven = { proven: "proven" } as const
const failed = { proven: "failed" } as const

describe("tools", () => {
  test("are declared as a whole", () => {
    const all = { tools: proven, "forced-tools": failed, "structured-output": proven }
    expect(written(known(all))).toEqual([
      "providers.p.models.m.tool_support: { openai_chat: [tools, structured_outputs] }",
    ])
    expect(declarationsOf([known(all)])[0]?.because).toBe(
      "tools: a check shows that it works; forced-tools: a check shows that it does not work; structured-output: a check shows that it works",
    )
  })
  test("of which one word is unknown are not", () => {
    expect(written(known({ tools: proven, "forced-tools": proven }))).toEqual([])
    expect(written(known({ tools: proven, "structured-output": proven }))).toEqual([])
  })
  test("that are declared lose what fails, in the block that is there", () => {
    const yes = { declared: true }
    expect(
      written(
        known(
          { tools: yes, "forced-tools": yes, "structured-output": { ...yes, ...failed } },
          { blocks: ["tool_support"] },
        ),
      ),
    ).toEqual(["providers.p.models.m.tool_support.openai_chat: [tools, tool_choice]"])
  })
  test("of another dialect have its words", () => {
    const place = { words: WIRES.anthropic }
    expect(written(known({ tools: proven }, place))).toEqual([
      "providers.p.models.m.tool_support: { anthropic_messages: [client_tools] }",
    ])
  })
})

test("images, reasoning and caps", () => {
  expect(written(known({ image: proven, reasoning: failed, caps: failed }))).toEqual([
    "providers.p.models.m.input_modalities: [text, image]",
    "providers.p.models.m.reasoning: { supported: false }",
    "providers.p.models.m.honors_max_tokens: false",
  ])
  const said = { declared: true, ...failed }
  expect(
    written(
      known({ image: said, reasoning: said }, { blocks: ["reasoning"], inputModalities: ["text", "image", "video"] }),
    ),
  ).toEqual(["providers.p.models.m.input_modalities: [text, video]", "providers.p.models.m.reasoning.supported: false"])
  // caps are honoured where nothing is said
  expect(written(known({ caps: proven }))).toEqual([])
  expect(written(known({ caps: { declared: false, ...proven } }))).toEqual([
    "providers.p.models.m.honors_max_tokens: true",
  ])
})

test("what the target says itself is changed there", () => {
  expect(written(known({ image: proven }, { ownKeys: ["input_modalities"] }))).toEqual([
    "models.g.targets.0.input_modalities: [text, image]",
  ])
})

describe("calls", () => {
  const seen = (calls: number, clean: number) => [["image", { calls, clean }] as const]
  test("tell where nothing is said", () => {
    expect(written(known({}, {}, seen(20, 19)))).toEqual(["providers.p.models.m.input_modalities: [text, image]"])
    expect(written(known({}, {}, seen(19, 19)))).toEqual([])
    expect(written(known({}, {}, seen(1000, 900)))).toEqual([])
  })
  test("tell nothing against what is said or checked", () => {
    expect(written(known({ image: { declared: false } }, {}, seen(500, 500)))).toEqual([])
    expect(written(known({ image: failed }, {}, seen(500, 500)))).toEqual([
      "providers.p.models.m.input_modalities: [text]",
    ])
  })
})

test("what holds no longer proves nothing, and what is said already is not said again", () => {
  expect(written(known({ image: { proven: "expired" }, reasoning: { proven: "changed" } }))).toEqual([])
  expect(written(known({ image: { declared: true, ...proven } }))).toEqual([])
})

test("targets that share an entry write it once, and what fails for one is denied", () => {
  expect(written(known({ image: proven }), known({ image: failed }), known({ image: proven }))).toEqual([
    "providers.p.models.m.input_modalities: [text]",
  ])
  expect(written(known({ reasoning: failed }), known({ reasoning: proven }))).toEqual([
    "providers.p.models.m.reasoning: { supported: false }",
  ])
})
