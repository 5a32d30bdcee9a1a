/** Records in the ledger, for commands that work on it beside a router, or before there is one. */
import { existsSync } from "node:fs"
import { activationRows } from "../ledger/activation.ts"
import { type CubeAddress, openCube } from "../ledger/cube/connection.ts"
import { bringUpToDate } from "../ledger/open.ts"
import { appliedSteps } from "../ledger/reader.ts"
import type { Clock } from "../system/clock.ts"
import type { Log } from "../system/log.ts"
import type { ActivationRecord } from "./record.ts"
import { recordsOf, rowOf } from "./rows.ts"
import { Standings } from "./standings.ts"

export interface ActivationRecords {
  /** Rejects where the ledger takes no rows. */
  write(records: readonly ActivationRecord[]): Promise<void>
  /** The newest of each kind: those that can count. */
  newest(): Promise<readonly ActivationRecord[]>
  close(): Promise<void>
}

/** The step of the schema that made the table. */
const VERSION = 24
const PATIENCE = { statementMs: 60_000, lockMs: 5000 }

interface Means {
  readonly clock: Clock
  readonly log: Log
}

/** Makes the ledger where there is none yet. @throws Error with a sentence for the operator */
export async function openActivationRecords(address: CubeAddress, means: Means): Promise<ActivationRecords> {
  if (!(await hasTable(address, means))) await bringUpToDate({ ...address, ...means })
  const connection = await openCube(address, PATIENCE, "write")
  const rows = activationRows(connection, () => means.clock.sleep(1))
  return {
    write: (records) => rows.add(records.map((record) => rowOf(record, means.clock.now()))),
    newest: async () => recordsOf(await rows.newest()),
    close: () => connection.close(),
  }
}

/** As the ledger has it; makes and changes nothing. Where there is no ledger yet, nothing is proven. @throws Error */
export async function readStandings(address: CubeAddress, means: Means): Promise<Standings> {
  const standings = new Standings()
  if (!(await hasTable(address, means))) return standings
  const connection = await openCube(address, PATIENCE, "read")
  try {
    standings.adopt(recordsOf(await activationRows(connection, () => means.clock.sleep(1)).newest()))
    return standings
  } finally {
    await connection.close()
  }
}

async function hasTable({ path, dsn }: CubeAddress, means: Means): Promise<boolean> {
  if (dsn === undefined && !existsSync(path)) return false
  const steps = await appliedSteps({ path, dsn }, means)
  return steps.some(({ version }) => version === VERSION)
}
