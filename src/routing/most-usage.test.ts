/** Content that only the router's own look-ups tell of; all else is asked of calls (`spend-ceiling.test.ts`, `estimate.test.ts`). */
import { expect, test } from "bun:test"
import type { RequestShape } from "../dialects/shape-reader.ts"
import { hidesContent } from "./most-usage.ts"

test("state that a provider keeps is content that nobody here sees", () => {
  const shape = { pointsElsewhere: false, hostedToolCount: 0 } as RequestShape
  expect(hidesContent({ shape, holdsState: true }, null)).toBe(true)
  expect(hidesContent({ shape, holdsState: false }, null)).toBe(false)
})
