import { expect, test } from "bun:test"
import type { Caller, Snapshot } from "../../config/snapshot.ts"
import type { Check, CompiledLimits } from "../../governance/state.ts"
import { mayAskProvider } from "./count-rate.ts"

const caller = (id: string): Caller => ({ id }) as unknown as Caller

/** Callers with their own `rpm`, in one project with another; 0: none. */
function snapshotWith(ofCallers: Readonly<Record<string, number>>, ofProject = 0): Snapshot {
  const callerLimits = new Map(
    Object.entries(ofCallers).map(([id, rpm]): [string, CompiledLimits | null] => {
      const rules = [
        ["caller", id, rpm],
        ["project", "lab", ofProject],
      ] as const
      const subjects = rules.map(([scope, name]) => ({ scope, id: name, key: `${scope}:${name}` }))
      const checks = rules.flatMap(([, , limit], subject): Check[] =>
        limit === 0 ? [] : [{ kind: "rpm", subject, limit, perSecond: 0, softLimit: Infinity }],
      )
      return [id, { subjects, checks } as unknown as CompiledLimits]
    }),
  )
  return { callerLimits } as unknown as Snapshot
}

function taken(times: number, id: string, snapshot: Snapshot, nowMs: number): number {
  return Array.from({ length: times }, () => mayAskProvider(caller(id), snapshot, nowMs)).filter(Boolean).length
}

test("counts go to a provider as often in a minute as the caller's rpm allows", () => {
  const snapshot = snapshotWith({ one: 1, sixty: 60 })
  expect(taken(200, "one", snapshot, 0)).toBe(1)
  expect(taken(200, "one", snapshot, 59_000)).toBe(0)
  expect(taken(200, "one", snapshot, 60_000)).toBe(1)
  expect(taken(200, "sixty", snapshot, 0)).toBe(60)
  expect(taken(200, "sixty", snapshot, 10_000)).toBe(10)
})

test("callers of a project share what the project's rpm allows", () => {
  const snapshot = snapshotWith({ a: 40, b: 0 }, 50)
  expect(taken(100, "a", snapshot, 0)).toBe(40)
  expect(taken(100, "b", snapshot, 0)).toBe(10)
})

test("a caller without such a limit has a usual one of its own", () => {
  const snapshot = snapshotWith({ a: 0, b: 0 })
  expect(taken(1000, "a", snapshot, 0)).toBe(600)
  expect(taken(1000, "b", snapshot, 0)).toBe(600)
  expect(taken(1000, "unknown", snapshot, 0)).toBe(600)
})
