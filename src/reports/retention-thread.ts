/** The thread in which a run of retention works: beside the calls of the process, and beside those who ask for reports. */
import { parentPort } from "node:worker_threads"
import { openCube } from "../ledger/cube/connection.ts"
import type { RunTools } from "../ledger/retention/rules.ts"
import { runRetention, RunStopped } from "../ledger/retention/run.ts"
import { systemClock } from "../system/clock.ts"
import { systemRandom } from "../system/random.ts"
import type { RetentionOrder, RetentionReply } from "./retention.ts"
import { verifyRange } from "./verify.ts"

/** A batch that PostgreSQL cannot do in this time is given up. A lock of SQLite is waited for as long. */
const PATIENCE = { statementMs: 30_000, lockMs: 5000 }

let isStopped = false

parentPort?.on("message", (order: RetentionOrder | "stop") => {
  if (order === "stop") isStopped = true
  else void perform(order)
})

async function perform({ address, rules, nowMs }: RetentionOrder): Promise<void> {
  try {
    const beganMs = systemClock.monotonicMs()
    const connection = await openCube(address, PATIENCE, "write")
    try {
      const tools: RunTools = {
        connection,
        isFile: address.dsn === undefined,
        nowMs: () => Math.floor(nowMs + systemClock.monotonicMs() - beganMs),
        monotonicMs: () => systemClock.monotonicMs(),
        pause,
        random: systemRandom().hex(10),
        recount: async (from, to) => {
          const reading = { connection, pause: () => pause(0) }
          return (await verifyRange(reading, { from, to }, () => {})).differences.length
        },
        onProgress: (progress) => say({ progress }),
      }
      say({ report: await runRetention(tools, rules) })
    } finally {
      await connection.close()
    }
  } catch (error) {
    say({ failure: error instanceof Error ? error.message : String(error) })
  }
}

async function pause(ms: number): Promise<void> {
  await systemClock.sleep(ms)
  if (isStopped) throw new RunStopped()
}

function say(reply: RetentionReply): void {
  parentPort?.postMessage(reply)
}
