/** What live calls renew and suspend, and what they cannot. */
import { describe, expect, test } from "bun:test"
import type { Target } from "../config/snapshot.ts"
import type { Capability } from "./capabilities.ts"
import { type HeardEnd, RENEW_AFTER, SUSPEND_AFTER, Traffic, type TrafficChange } from "./traffic.ts"

const target = {} as Target
const ALWAYS: readonly Capability[] = ["entitlement", "text", "budget"]

function hearing(): (count: number, end: Partial<HeardEnd> & { readonly with?: Capability }) => readonly string[] {
  const traffic = new Traffic()
  return (count, { with: further, ...end }) => {
    const changes: TrafficChange[] = []
    for (let each = 0; each < count; each++)
      changes.push(
        ...traffic.heard({
          target,
          dialect: "openai-chat",
          needed: further === undefined ? ALWAYS : [...ALWAYS, further],
          end: "answered",
          calledTools: false,
          ...end,
        }),
      )
    return changes.map(({ capability, result }) => `${capability} ${result}`)
  }
}

describe("whole answers", () => {
  test("renew what they show, once in so many", () => {
    const hear = hearing()
    const tools = { with: "tools", calledTools: true } as const
    expect(hear(RENEW_AFTER - 1, tools)).toEqual([])
    expect(hear(1, tools)).toEqual(["entitlement pass", "text pass", "tools pass"])
    expect(hear(RENEW_AFTER - 1, tools)).toEqual([])
    expect(hear(1, { with: "streaming" })).toEqual(["entitlement pass", "text pass"])
  })

  test("show no tools where none was called, and never what an image shows", () => {
    const hear = hearing()
    expect(hear(RENEW_AFTER, { with: "tools" })).toEqual(["entitlement pass", "text pass"])
    expect(hear(RENEW_AFTER, { with: "image" })).toEqual(["entitlement pass", "text pass"])
  })

  test("renew nothing that failed more often than once in a hundred", () => {
    const hear = hearing()
    for (let round = 0; round < 11; round++) {
      expect(hear(1, { end: "fault" })).toEqual([])
      expect(hear(1, {})).toEqual([])
    }
    expect(hear(RENEW_AFTER - 11, {})).toEqual(["entitlement pass"])
    expect(hear(RENEW_AFTER, {})).toEqual(["text pass", "entitlement pass"].toSorted())
  })
})

describe("a run of faults", () => {
  const fault = { end: "fault", with: "tools" } as const
  test("suspends a capability where calls without it are answered", () => {
    const hear = hearing()
    expect(hear(SUSPEND_AFTER - 1, fault)).toEqual([])
    expect(hear(1, {})).toEqual([])
    expect(hear(1, fault)).toEqual(["tools fail"])
    // begins anew
    expect(hear(SUSPEND_AFTER - 1, fault)).toEqual([])
  })

  test("suspends nothing where the target fails at everything", () => {
    const hear = hearing()
    expect(hear(5 * SUSPEND_AFTER, fault)).toEqual([])
    expect(hear(5 * SUSPEND_AFTER, { end: "fault" })).toEqual([])
  })

  test("ends with an answer", () => {
    const hear = hearing()
    for (let round = 0; round < 10; round++) {
      expect(hear(SUSPEND_AFTER - 1, fault)).toEqual([])
      expect(hear(1, {})).toEqual([])
      expect(hear(1, { with: "tools" })).toEqual([])
    }
  })

  test("of refusals of the key suspends the entitlement alone", () => {
    const hear = hearing()
    expect(hear(SUSPEND_AFTER, { end: "refused", with: "tools" })).toEqual(["entitlement fail"])
  })
})
