/** A router that is killed while the schema is brought up to date goes on where it was: on both databases. */
import { expect, test } from "bun:test"
import { join } from "node:path"
import { tied } from "../../test/helpers/children.ts"
import { type LedgerState, postgresState, sqliteState } from "../../test/helpers/ledger-drivers.ts"
import { oldestLedger } from "../../test/helpers/oldest-ledger.ts"
import { noPostgres, startPostgres } from "../../test/helpers/postgres.ts"
import { MIGRATIONS, PART_CALLS } from "./migrations.ts"

const CALLS = 60 * PART_CALLS
const STEP = MIGRATIONS.findLast(({ overCalls }) => overCalls !== undefined)!.version

const child = `
  import { openLedger } from "${join(import.meta.dir, "open.ts")}"
  import { systemClock } from "${join(import.meta.dir, "../system/clock.ts")}"
  import { silentLog } from "${join(import.meta.dir, "../system/log.ts")}"
  const [path, dsn] = process.argv.slice(-2)
  const address = dsn === "-" ? {} : { dsn }
  const options = { path, ...address, durability: "commit", onUnavailable: "spool", clock: systemClock, log: silentLog }
  const ledger = await openLedger({ ...options, onMigration: ({ version }, share) => console.log(version, share) })
  console.log("done")
  await ledger.close()
`

async function killedAndContinued(state: LedgerState): Promise<void> {
  await oldestLedger(state, CALLS)
  const command = tied([process.execPath, "-e", child, "--", state.path, state.usageDb.dsn ?? "-"])
  const running = Bun.spawn(command, { stdout: "pipe", stderr: "inherit" })
  let text = ""
  const decoder = new TextDecoder()
  for await (const bytes of running.stdout) {
    text += decoder.decode(bytes, { stream: true })
    // at the first sign that some parts are done
    if (!running.killed && new RegExp(`^${STEP} 0\\.[2-9]`, "m").test(text)) running.kill("SIGKILL")
  }
  await running.exited
  expect(text).not.toContain("done")
  const [left] = await state.rows<{ position: string }>(
    `SELECT position FROM migration_positions WHERE version = ${STEP}`,
  )
  expect(left?.position).toMatch(/^req_/)
  const without = "SELECT count(*) AS n FROM request_usage WHERE target_provider IS NULL AND request_id"
  expect(await state.rows(`${without} <= '${left?.position}'`)).toEqual([{ n: 0 }])
  const [rest] = await state.rows<{ n: number }>(`${without} > '${left?.position}'`)
  expect(rest?.n).toBeGreaterThan(0)
  expect(rest?.n).toBeLessThan(CALLS / 10)

  const shares: number[] = []
  await state.open({ onMigration: ({ version }, share) => void (version === STEP && shares.push(share)) })
  expect(await state.rows(`${without} > ''`)).toEqual([{ n: 0 }])
  expect(await state.rows("SELECT count(*) AS n FROM request_usage")).toEqual([{ n: CALLS }])
  // behind the first word of it, the next one is further than where the other was killed
  expect(shares[1]).toBeGreaterThan(0.2)
}

const TITLE = "killed in the middle of its calls, it begins with the part that was not done"
const LONGEST_MS = 240_000

test(
  `${TITLE}, on sqlite`,
  async () => {
    await using state = await sqliteState()
    await killedAndContinued(state)
  },
  LONGEST_MS,
)

test.skipIf(noPostgres !== null)(
  `${TITLE}, on postgres`,
  async () => {
    // a server with so many rows is busy for a while behind the end of the tests
    await using server = await startPostgres()
    await using state = postgresState(await server.schema())
    await killedAndContinued(state)
  },
  LONGEST_MS,
)
