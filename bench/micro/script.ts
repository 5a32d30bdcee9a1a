/** `bun bench/micro/script.ts`: what a routing script costs a call: its facts, the script, and the judgement of its decision. */
import path from "node:path"
import type { Caller, Group, Target } from "../../src/config/snapshot.ts"
import type { ScriptSettings } from "../../src/config/compile/policy-settings.ts"
import { DIALECTS } from "../../src/dialects/registry.ts"
import { scanObject } from "../../src/json/scan.ts"
import { Scripts } from "../../src/routing/script/scripts.ts"
import { scriptStrategy } from "../../src/routing/script/strategy.ts"
import type { CallFacts, RankContext, Ranking } from "../../src/routing/strategy.ts"
import { computingClocks, systemClock } from "../../src/system/clock.ts"
import { silentLog } from "../../src/system/log.ts"
import { agentBody, smallBody } from "../bodies.ts"
import { compare } from "./timing.ts"

const EXAMPLES = path.join(import.meta.dir, "../../examples/scripts")
const TARGETS = 6
const MAX_DEPTH = 512

const targets = Array.from({ length: TARGETS }, (_, index) => ({
  index,
  model: `model-${index}`,
  modelRef: `m${index}`,
  dialect: "openai-chat",
  weight: 1,
  region: null,
  provider: { name: `provider-${index}`, keyId: null, secrets: /https:\/\/api\.example\.com\/v1/gi },
  about: {
    baseUrl: "https://api.example.com/v1",
    tier: index === 0 ? "cheap" : "heavy",
    tags: [index % 2 === 0 ? "chat" : "coding"],
    keyConfigured: true,
    honorsMaxTokens: true,
    inputPricePerMillionUsd: index,
    outputPricePerMillionUsd: 5 * index,
  },
})) as unknown as readonly Target[]
const caller = {
  id: "app",
  user: "me",
  userName: "Me",
  project: "lab",
  environment: "prod",
  membershipRole: "owner",
  status: "active",
  allowed: new Set(["default", "fast"]),
} as Partial<Caller> as Caller
const client = { send: () => Promise.resolve({ kind: "fault", fault: "forbidden" } as const) }
const scripts = new Scripts({ client, clock: systemClock, clocks: computingClocks, log: silentLog })
const strategy = scriptStrategy(scripts, systemClock)

for (const name of ["prompt-size.ts", "request-shape.ts", "pii-aware.ts"]) {
  const file = path.join(EXAMPLES, name)
  const script: ScriptSettings = {
    file,
    deadlineMs: 50,
    memoryBytes: 67_108_864,
    onError: "fail_closed",
    http: null,
    contract: null,
  }
  const group = { name: "default", strategy: "script", script, external: null, targets } as unknown as Group
  await scripts.prepare([group])
  const ranked = (text: string) => {
    const body = scanObject(new TextEncoder().encode(text), MAX_DEPTH)
    const request = DIALECTS["openai-chat"].peek(body)
    // what a call reads of its body it reads anew
    return (): Ranking => {
      const shape = DIALECTS["openai-chat"].shapeOf(body)
      const call: CallFacts = {
        id: "req_1",
        dialect: "openai-chat",
        group,
        caller,
        tokenId: "rtr_me_lab_prod_k1",
        request,
        body,
        estimatedInputTokens: 100,
        shape,
      }
      return strategy(targets, call, { settings: group } as unknown as RankContext) as Ranking
    }
  }
  compare(`${name}, ${TARGETS} targets`, 2000, { "small body": ranked(smallBody("bench")) })
  compare(`${name}, ${TARGETS} targets`, 20, { "agent body, 160 KB": ranked(agentBody("bench")) })
}
