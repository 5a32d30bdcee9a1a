/** Properties as assertions: fast-check's search, with inputs that the run's seed draws. */
import { expect } from "bun:test"
import fc from "fast-check"
import { runs } from "./sample.ts"

/** Expects that a property holds for `inputs` inputs (fewer in a sampled run); the failure names the smallest counterexample. */
export function expectProperty<Values>(property: fc.IProperty<Values>, inputs = 100): void {
  const found = fc.check(property, runs(inputs))
  expect(found.failed ? fc.defaultReportMessage(found) : undefined).toBeUndefined()
}

/** As `expectProperty`, for a property that waits. */
export async function expectAsyncProperty<Values>(property: fc.IAsyncProperty<Values>, inputs = 100): Promise<void> {
  const found = await fc.check(property, runs(inputs))
  expect(found.failed ? await fc.asyncDefaultReportMessage(found) : undefined).toBeUndefined()
}
