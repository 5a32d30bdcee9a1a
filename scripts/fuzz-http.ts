/**
 * Compares our reading of HTTP with that of llhttp for as long as is asked: `npm run fuzz:http -- --minutes 60 --seed 7`.
 * Prints each wire that is read otherwise, and how often we refuse alone, with the reason. Fails where there is no reason.
 */
import { parseArgs } from "node:util"
import { emptyTally, fuzzOnce, unjudged } from "../test/http/fuzz.ts"
import { STRICTER } from "../test/http/stricter.ts"

const REPORT_MS = 60_000

const { values } = parseArgs({
  options: { minutes: { type: "string", default: "60" }, seed: { type: "string", default: String(Date.now()) } },
})
const endAt = Date.now() + Number(values.minutes) * 60_000
const tally = emptyTally()
let seed = Number(values.seed)
let shown = 0
let reportAt = Date.now() + REPORT_MS
console.log(`from seed ${seed}`)
while (Date.now() < endAt) {
  for (let count = 0; count < 1000; count++) await fuzzOnce(seed++, tally)
  for (; shown < tally.laxer.length; shown++) console.log(JSON.stringify(tally.laxer[shown]))
  if (Date.now() < reportAt) continue
  reportAt = Date.now() + REPORT_MS
  console.log(`${tally.wires} wires, ${tally.laxer.length} read otherwise`)
}
for (const [why, count] of [...tally.stricter].toSorted((a, b) => b[1] - a[1]))
  console.log(`${String(count).padStart(9)}  ${why}  (${STRICTER[why] ?? "NO REASON GIVEN"})`)
console.log(`${tally.wires} wires: ${tally.same} read alike, ${tally.laxer.length} read otherwise; next seed ${seed}`)
process.exitCode = tally.laxer.length + unjudged(tally).length === 0 ? 0 : 1
