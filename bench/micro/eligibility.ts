/** `bun bench/micro/eligibility.ts`: what eligibility and affinity cost a call, with six targets. */
import type { Group, Target } from "../../src/config/snapshot.ts"
import { DIALECTS } from "../../src/dialects/registry.ts"
import type { RequestShape } from "../../src/dialects/shape-reader.ts"
import { scanObject } from "../../src/json/scan.ts"
import { conversationKeys } from "../../src/routing/affinity/conversation-key.ts"
import { MemoryPinStore } from "../../src/routing/affinity/pin-store.ts"
import { eligibleTargets, unknownNeeds } from "../../src/routing/eligibility/eligible.ts"
import { agentBody, longAgentBody, smallBody } from "../bodies.ts"
import { compare } from "./timing.ts"

const dialect = DIALECTS["openai-chat"]
const ABLE = { tools: true, toolChoice: true, structuredOutput: true, images: true, reasoning: true }
const OPEN = {
  closedTo: [],
  bridgeWithout: [],
  neverStores: false,
  toolOnly: false,
  honorsMaxTokens: true,
  contextTokens: null,
  mayDropReasoning: true,
  reasoningControl: null,
  alwaysReasons: false,
  request: null,
}
const BOUNDS = { ttlMs: 600_000, maxEntries: 10_000 }

/** Six targets, of which every second is limited as `more` says. */
function groupOf(more: Partial<Target>): Group {
  const targets = Array.from({ length: 6 }, (_, index) => ({
    index,
    dialect: "openai-chat",
    skin: String(index),
    capabilities: ABLE,
    limits: { ...OPEN, minBudgetTokens: 0, maxBudgetTokens: Infinity },
    contract: { lacks: null, validUntil: Infinity },
    ...(index % 2 === 0 ? {} : more),
  }))
  return {
    name: "bench",
    targets,
    translation: "warn",
    promisedDialects: null,
    ceiling: null,
    demanded: new Set(),
  } as unknown as Group
}

const open = groupOf({})
const unable = groupOf({
  capabilities: { ...ABLE, tools: false, structuredOutput: false, images: false, reasoning: false },
})
const silent = groupOf({
  capabilities: { tools: null, toolChoice: null, structuredOutput: null, images: null, reasoning: null },
})
const small = groupOf({
  limits: { ...OPEN, minBudgetTokens: 0, maxBudgetTokens: Infinity, honorsMaxTokens: false, contextTokens: 400_000 },
})

for (const [title, text, runs] of [
  ["small body", smallBody("bench"), 20_000],
  ["agent body", agentBody("bench"), 300],
  ["long agent body", longAgentBody("bench"), 50],
] as const) {
  const body = scanObject(new TextEncoder().encode(text), 512)
  const facts = dialect.peek(body)
  const asked = (): Parameters<typeof eligibleTargets>[1] => {
    let shape: RequestShape | null = null
    return {
      dialect,
      facts,
      bodyBytes: body.bytes.length,
      ts: 0,
      ceiling: null,
      holdsState: false,
      get shape() {
        return (shape ??= dialect.shapeOf(body))
      },
    }
  }
  const pins = new MemoryPinStore()
  const pin = { target: "t", issuer: null, foreignSeals: 0, at: 0 }
  const affinity = (headers: Readonly<Record<string, string>>): void => {
    const keys = conversationKeys({
      callerId: "me",
      dialect: dialect.name,
      body,
      headers: { get: (name) => headers[name] ?? null },
    })
    if (keys !== null) pins.get({ group: "g", keys: keys.known, now: 1 })
    if (keys !== null) pins.set("g", keys.next, pin, BOUNDS)
  }
  compare(`${title}, ${body.bytes.length} bytes`, runs, {
    "nothing is limited": () => eligibleTargets(open, asked()),
    "capabilities are denied": () => eligibleTargets(unable, asked()),
    "caps and context": () => eligibleTargets(small, asked()),
    "capabilities are unknown": () => unknownNeeds(silent, asked()),
    "affinity by session": () => affinity({ "x-session-id": "s" }),
    "affinity by first turns": () => affinity({}),
  })
}
