/** The same as `linear-work.test.ts`, with inputs so large that no quadratic work hides behind linear work. */
import { test } from "bun:test"
import { expectLinear } from "../../helpers/linear.ts"
import { ANSWERS, REQUESTS, scanned, streamed, translated } from "../../helpers/linear-cases.ts"
import { DIALECTS } from "../../helpers/samples.ts"

const LARGEST = 4000
const LEAST_MS = 30

test.each(REQUESTS)("a large request is read and written: $dialect with many $name", ({ dialect, make }) => {
  for (const target of DIALECTS) expectLinear(translated(dialect, target, make), LARGEST, LEAST_MS)
  expectLinear(scanned(dialect, make), LARGEST, LEAST_MS)
})

test.each(ANSWERS)("a large stream is read and written: $dialect with many $name", ({ dialect, make }) => {
  for (const client of DIALECTS) expectLinear(streamed(dialect, client, make), LARGEST, LEAST_MS)
})
