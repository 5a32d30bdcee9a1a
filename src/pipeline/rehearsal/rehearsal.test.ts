/** What a rehearsal passes on to the running router: every look, and nothing that would change it. */
import { expect, test } from "bun:test"
import { Observations } from "../../routing/observations.ts"
import type { Strategies } from "../../routing/strategy.ts"
import type { Gateway } from "../gateway.ts"
import { rehearsalOf } from "./rehearsal.ts"

const LOOKS: Readonly<Record<string, readonly string[]>> = {
  live: ["figures", "attemptsBegun", "inFlight", "engineLoad", "leader"],
  pins: ["peek"],
  storedStates: ["find"],
  ledger: ["accepting"],
}
const CHANGES: Readonly<Record<string, readonly string[]>> = {
  live: ["begin", "answered", "failed", "dropped", "engineRead", "follow", "keep"],
  pins: ["get", "set", "close"],
  storedStates: ["remember", "booked", "forget"],
  ledger: ["record", "close"],
  requestLog: ["write"],
  metrics: ["count"],
  feedback: ["report"],
}

type Spy = Readonly<Record<string, Readonly<Record<string, (...parts: readonly unknown[]) => unknown>>>>

function running(): { readonly gateway: Gateway; readonly seen: string[] } {
  const seen: string[] = []
  const parts: Record<string, Record<string, unknown>> = {}
  for (const [part, names] of [...Object.entries(LOOKS), ...Object.entries(CHANGES)])
    for (const name of names) (parts[part] ??= {})[name] = () => seen.push(`${part}.${name}`)
  return { gateway: { ...parts, strategies: {} } as unknown as Gateway, seen }
}

const POLICIES = { script: () => "script", external: () => "external" } as unknown as Strategies

for (const [part, names] of Object.entries(LOOKS))
  test(`a rehearsal looks at the part ${part}`, async () => {
    const { gateway, seen } = running()
    const rehearsal = rehearsalOf(gateway, POLICIES) as unknown as Spy
    for (const name of names) await rehearsal[part]?.[name]?.([])
    expect(seen).toEqual(names.map((name) => `${part}.${name}`))
  })

for (const [part, names] of Object.entries(CHANGES))
  test(`a rehearsal changes nothing in the part ${part}`, async () => {
    const { gateway, seen } = running()
    const rehearsal = rehearsalOf(gateway, POLICIES) as unknown as Spy
    for (const name of names) await Promise.resolve(rehearsal[part]?.[name]?.([])).catch(() => {})
    expect(seen).toEqual(part === "pins" ? ["pins.peek"] : [])
  })

test("every method of the live figures is one or the other", () => {
  const own = Object.getOwnPropertyNames(Observations.prototype).filter((name) => name !== "constructor")
  const isPrivate = new Set(["windowOf", "found"])
  expect(own.filter((name) => !isPrivate.has(name)).toSorted()).toEqual(
    [...(LOOKS["live"] ?? []), ...(CHANGES["live"] ?? [])].toSorted(),
  )
})

test("a rehearsal touches neither limits nor upstreams", () => {
  const rehearsal = rehearsalOf(running().gateway, POLICIES)
  expect(() => rehearsal.governance.state).toThrow("limits")
  expect(() => rehearsal.upstream.close()).toThrow("upstreams")
})

test("a rehearsal asks only scripts and services that may be asked", () => {
  expect(rehearsalOf(running().gateway, POLICIES).strategies).toMatchObject(POLICIES)
})
