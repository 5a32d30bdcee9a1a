/** A rule of retention that could not be kept is refused; one that only counts says so. */
import { describe, expect, test } from "bun:test"
import { errorsOf, KEYS, loadText, SMALLEST } from "../../../test/helpers/load-text.ts"

function found(retention: object): readonly string[] {
  const yaml = SMALLEST.replace("server:\n", `server:\n  retention: ${JSON.stringify(retention)}\n`)
  return errorsOf(loadText(yaml, { env: KEYS })).map(({ path, message }) => `${path}: ${message}`)
}

const details = (days: number): object[] => [
  { data_class: "usage_diagnostics", retention_days: days },
  { data_class: "decision_telemetry", retention_days: days },
]

describe("retention", () => {
  test("rules that can be kept are taken", () => {
    const calls = { data_class: "usage_detail", retention_days: 365, require_finalized_rollup: true, batch_size: 200 }
    const events = { data_class: "security_access_events", retention_days: 90 }
    expect(found({ enabled: true, dry_run: false, classes: [...details(365), calls, events] })).toEqual([])
    expect(found({ enabled: false, dry_run: true, classes: [] })).toEqual([])
    const off = { data_class: "content_capture", retention_days: 1, enabled: false }
    expect(found({ enabled: true, classes: [...details(30), off] })).toEqual([])
  })

  test.each([
    ["no class at all", { enabled: true, classes: [] }, "classes: Nothing is deleted"],
    [
      "classes that are all off",
      { enabled: true, classes: [{ data_class: "usage_diagnostics", retention_days: 3, enabled: false }] },
      "classes: Nothing is deleted",
    ],
    [
      "two rules of one class",
      { classes: [...details(3), ...details(4)] },
      "[2].data_class: The class usage_diagnostics",
    ],
    [
      "calls without their details",
      { classes: [{ data_class: "usage_detail", retention_days: 9 }] },
      "[0].retention_days: A call stays as long as its details: usage_diagnostics",
    ],
    [
      "calls that go before their details",
      { classes: [...details(10), { data_class: "usage_detail", retention_days: 9 }] },
      "[2].retention_days: A call stays",
    ],
    [
      "sums of what has none",
      { classes: [{ data_class: "security_access_events", retention_days: 9, require_finalized_rollup: true }] },
      "[0].require_finalized_rollup: Reports keep no sums",
    ],
    ["no days", { classes: [{ data_class: "usage_diagnostics", retention_days: 0 }] }, "[0].retention_days"],
    ["no rows", { default_batch_size: -1 }, "default_batch_size"],
    ["a class that is none", { classes: [{ data_class: "usage", retention_days: 1 }] }, "[0].data_class"],
    ["no list", { enabled: true, classes: "all" }, "classes"],
    ["no rules", { enabled: true, classes: [null, 3] }, "classes[0]"],
  ])("%s: refused", (_, retention, expected) => {
    const errors = found(retention)
    expect(errors.length).toBeGreaterThan(0)
    expect(errors.join("\n")).toContain(expected)
  })

  test("a dry run is named as one", () => {
    const retention = JSON.stringify({ enabled: true, classes: details(3) })
    const yaml = SMALLEST.replace("server:\n", `server:\n  retention: ${retention}\n`)
    const { findings } = loadText(yaml, { env: KEYS })
    expect(findings.map(({ code, severity, path }) => [code, severity, path])).toContainEqual([
      "only-counted",
      "info",
      "server.retention.dry_run",
    ])
  })
})
