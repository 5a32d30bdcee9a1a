/**
 * Conversations over three equal targets, through the router on real sockets, with and without a target that dies half
 * way: `bun bench/routing-affinity.ts [conversations] [turns]`. The same conversations in every run; the draw is not.
 */
import { converse } from "../test/helpers/conversations.ts"

const CONVERSATIONS = Number(process.argv[2] ?? "300")
const TURNS = Number(process.argv[3] ?? "12")

function percent(share: number): string {
  return `${(share * 100).toFixed(2)} %`
}

for (const diesAfter of [null, 0.5]) {
  const work = { seed: 7, conversations: CONVERSATIONS, turns: TURNS, concurrency: 16, diesAfter }
  const { calls, failed, meanKept, leastKept, spread } = await converse(work)
  console.log(diesAfter === null ? "all three targets live" : "one of three targets dies half way")
  console.log(`  calls ${calls}, lost ${failed} (${percent(failed / calls)}), by target ${spread.join(" / ")}`)
  console.log(`  of each conversation on one target: mean ${percent(meanKept)}, least ${percent(leastKept)}`)
}
