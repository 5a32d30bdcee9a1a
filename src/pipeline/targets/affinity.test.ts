/** Pins reorder: nothing is added, nothing is lost, and a shared store that answers later changes nothing. */
import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { expectAsyncProperty } from "../../../test/helpers/property.ts"
import type { ReasoningBlock } from "../../canonical/block.ts"
import type { Request as CanonicalRequest } from "../../canonical/request.ts"
import { emptyRequest } from "../../../test/helpers/empty-request.ts"
import { IS_SOFT } from "../../routing/affinity/pin-rules.ts"
import type { Credential, Group, StrategyName, Target } from "../../config/snapshot.ts"
import { DIALECTS } from "../../dialects/registry.ts"
import { scanObject } from "../../json/scan.ts"
import { MemoryPinStore, type Pin, type PinStore } from "../../routing/affinity/pin-store.ts"
import { withForeignSeals } from "../apart/native-seals.ts"
import { Call, type AdmittedCall } from "../call.ts"
import { CallRequest } from "../call/request.ts"
import type { Gateway } from "../gateway.ts"
import { pinFirst, rememberTarget, type Ordered } from "./affinity.ts"

const TTL_MS = 1000
const DAY_MS = 86_400_000
const STRATEGIES = Object.keys(IS_SOFT) as readonly StrategyName[]

const targets = ["a", "b", "c"].map(
  (pin, index) =>
    ({ index, pin, dialect: "openai-responses", facts: { issuer: { label: `by-${pin}` } } }) as unknown as Target,
)
const groupOf = (strategy: StrategyName): Group =>
  ({ name: "g", strategy, targets, affinity: { ttlMs: TTL_MS, maxEntries: 9 } }) as unknown as Group

const credential = { caller: { id: "me", limits: null } } as Credential

function callAt(ts: number, group: Group, isSealed: boolean): AdmittedCall {
  const reasoning = { type: "reasoning", summary: [], encrypted_content: "gAAA" }
  const body = { input: [{ role: "user", content: "x" }, ...(isSealed ? [reasoning] : [])] }
  const call = new Call({
    id: "req",
    dialect: DIALECTS["openai-responses"],
    incoming: {
      path: "/v1/responses",
      headers: { get: (name: string) => (name === "x-session-id" ? "s" : null) },
    } as unknown as Call["incoming"],
    snapshot: { traceCalls: false } as Call["snapshot"],
    ts,
    startedAt: 0,
    address: null,
  })
  const known = call.learnCaller(credential)
  const scanned = scanObject(new TextEncoder().encode(JSON.stringify(body)), 512)
  return known
    .learnRequest(
      new CallRequest(known, { body: scanned, facts: known.dialect.peek(scanned), heldIds: null, isSealed: null }),
    )
    .learnGroup(group)
}

const gatewayWith = (pins: PinStore): Gateway => ({ pins }) as Gateway
const planOf = (order: readonly Target[]): Ordered => ({ order, affinity: null })
const later = (store: PinStore): PinStore => ({
  get: async (query) => Promise.resolve(store.get(query)),
  set: (...pin) => store.set(...pin),
  peek: () => null,
  close: () => {},
})

/** Remembers `first` at 0, and asks for the order at `at`. */
async function orderAfter(
  strategy: StrategyName,
  first: Target,
  at: number,
  options: { readonly isSealed: boolean; readonly isLate: boolean },
): Promise<readonly string[]> {
  const group = groupOf(strategy)
  const store = new MemoryPinStore()
  const gateway = gatewayWith(options.isLate ? later(store) : store)
  rememberTarget(first, planOf(targets), callAt(0, group, options.isSealed), gateway)
  const { order } = await pinFirst(targets, callAt(at, group, options.isSealed), gateway)
  return order.map(({ pin }) => pin)
}

test("soft pins hold for their time where the strategy is free, hard ones for a day everywhere", async () => {
  await expectAsyncProperty(
    fc.asyncProperty(
      fc.constantFrom(...STRATEGIES),
      fc.constantFrom(...targets),
      fc.constantFrom(0, TTL_MS - 1, TTL_MS, DAY_MS - 1, DAY_MS),
      fc.boolean(),
      fc.boolean(),
      async (strategy, first, at, isSealed, isLate) => {
        const isFree = strategy === "weighted" || strategy === "dynamic_score"
        const holds = isSealed ? at < DAY_MS : isFree && at < TTL_MS
        const rest = targets.filter((target) => target !== first)
        const expected = holds ? [first, ...rest] : targets
        expect(await orderAfter(strategy, first, at, { isSealed, isLate })).toEqual(expected.map(({ pin }) => pin))
      },
    ),
  )
})

test("a pin to a target that is not eligible changes nothing", async () => {
  const group = groupOf("weighted")
  const store = new MemoryPinStore()
  const [a, b, c] = targets as [Target, Target, Target]
  rememberTarget(c, planOf(targets), callAt(0, group, false), gatewayWith(store))
  const { order } = await pinFirst([a, b], callAt(1, group, false), gatewayWith(store))
  expect(order).toEqual([a, b])
})

test("nothing is remembered where there is no choice, or affinity is off", () => {
  const asked: Pin[] = []
  const store: PinStore = {
    get: () => null,
    peek: () => null,
    set: (_group, _key, pin) => void asked.push(pin),
    close: () => {},
  }
  const group = groupOf("weighted")
  rememberTarget(targets[0]!, planOf(targets.slice(0, 1)), callAt(0, group, true), gatewayWith(store))
  rememberTarget(targets[0]!, planOf(targets), callAt(0, { ...group, affinity: null }, true), gatewayWith(store))
  expect(asked).toEqual([])
  rememberTarget(targets[0]!, planOf(targets), callAt(5, group, true), gatewayWith(store))
  expect(asked).toEqual([{ target: "a", issuer: "by-a", foreignSeals: 0, at: 5 }])
})

describe("seals of another issuer", () => {
  const sealed = (label: string | null): ReasoningBlock => ({
    type: "reasoning",
    parts: [],
    seal: { issuer: { dialect: "responses", label }, form: "encrypted", payload: "{}" },
  })
  const request: CanonicalRequest = {
    ...emptyRequest("responses", "m"),
    messages: [
      { role: "assistant", blocks: [sealed(null), sealed("known"), { type: "text", text: "x" }] },
      { role: "assistant", blocks: [sealed(null), sealed(null)] },
    ],
  }
  const labels = (count: number): readonly unknown[] =>
    withForeignSeals(request, count).messages.flatMap(({ blocks }) =>
      blocks.map((block) => (block.type === "reasoning" ? (block.seal?.issuer.label ?? null) : "text")),
    )

  test("are marked in the first call, and keep the issuer that they name", () => {
    expect(labels(0)).toEqual([null, "known", "text", null, null])
    expect(labels(2)).toEqual(["another", "known", "text", "another", null])
    expect(labels(Infinity)).toEqual(["another", "known", "text", "another", "another"])
  })
})
