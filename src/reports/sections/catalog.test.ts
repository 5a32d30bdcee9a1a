/** What calls show of targets stands beside what is declared and proven, and tells what to declare. */
import { expect, test } from "bun:test"
import { onEachDriver } from "../../../test/helpers/ledger-drivers.ts"
import { columnCells, reportedLedger, tableNamed } from "../../../test/helpers/reported-calls.ts"
import { CAPABILITIES } from "../../activation/capabilities.ts"
import type { CapabilityFacts } from "../../catalogue/capability-facts.ts"
import { isDeclarable } from "../../catalogue/capability-keys.ts"
import { WIRES } from "../../dialects/wires.ts"
import type { CatalogEntry } from "../section.ts"

const FAILED_MS = Date.UTC(2026, 10, 29)

function entry(model: string, said: Partial<Record<string, Partial<CapabilityFacts>>>): CatalogEntry {
  return {
    status: "active",
    group: "default",
    provider: "alpha",
    model,
    dialect: "openai-chat",
    inputPrice: null,
    outputPrice: null,
    pricingSource: "",
    pricingDate: "",
    tools: "unknown",
    structuredOutputs: "unknown",
    reasoning: "unknown",
    images: "unknown",
    validation: "none",
    validatedOn: "",
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
      path: ["providers", "alpha", "models", model],
      ownPath: ["models", "default", "targets", 0],
      ownKeys: [],
      blocks: [],
      inputModalities: null,
    },
  }
}

onEachDriver((driver) => {
  test("declared, proven and observed", async () => {
    await using state = await driver.state()
    const failed = { proven: "failed", checkedAtMs: FAILED_MS, reason: "the picture was not seen" } as const
    const entries = [entry("big", { image: { declared: true, ...failed } }), entry("idle", {})]
    await using reported = await reportedLedger(state, { catalog: async () => await Promise.resolve(entries) })
    const section = await reported.section("catalog")
    const table = tableNamed(section, "capabilities")
    const rows = table.rows.map((row) => Object.fromEntries(table.columns.map(({ key }, index) => [key, row[index]])))
    const byName = new Map(rows.map((row) => [row["capability"], row]))
    expect(rows.every(({ model }) => model === "big")).toBe(true)
    // 36 of the calls went to the model: every tenth of all failed before it was asked
    expect(byName.get("text")).toMatchObject({ declared: "", proven: "missing", calls: 36n, clean_percent: 100 })
    expect(byName.get("image")).toMatchObject({
      declared: "yes",
      proven: "failed",
      checked: FAILED_MS,
      advice: "declare that it cannot: the picture was not seen",
    })
    // decision telemetry recorded these
    expect(byName.get("tools")).toMatchObject({ declared: "unknown", calls: 8n, advice: "" })
    const declared = tableNamed(section, "declarations")
    expect(columnCells(declared, "place")).toContain("providers.alpha.models.big")
    expect(columnCells(declared, "value")).toContain("[text]")
    const none = tableNamed(await reported.section("catalog", { where: ["project=nobody"] }), "capabilities")
    expect(columnCells(none, "capability")).toEqual(["image"])
    const one = await reported.section("catalog", {}, { top: 1 })
    expect(tableNamed(one, "capabilities").notes.join(" ")).toContain("more are left out")
  })
})
