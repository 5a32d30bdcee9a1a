/** A window of rows in the order of their ids: counted beside the calls, or deleted in one short transaction. */
import type { CubeConnection } from "../cube/connection.ts"
import { CALLS_TABLE, CHILD_CLASSES, type DataClass, type RetainedTable, UNFINISHED } from "./classes.ts"
import { hasHolds, heldSql } from "./holds.ts"

/** Rows whose id is behind `after`, up to `last`. */
export interface Window {
  readonly after: string
  readonly last: string
}

export interface Counts {
  readonly candidate: number
  readonly held: number
  readonly blocked: number
}

/** A table, its class, and up to which id rows of each class are old enough; a class that is not deleted is absent. */
export interface Target {
  readonly table: RetainedTable
  readonly dataClass: DataClass
  readonly cutoffs: ReadonlyMap<DataClass, string>
}

/** The next window of about `most` rows before the cutoff. Null: no row is left. */
export async function nextWindow(
  connection: CubeConnection,
  { table: { name, key }, dataClass, cutoffs }: Target,
  after: string,
  most: number,
): Promise<Window | null> {
  const before = cutoffs.get(dataClass) ?? ""
  const range = `FROM ${name} WHERE ${key} > ?1 AND ${key} < ?2`
  const sql = `SELECT ${key} AS id ${range} ORDER BY ${key} LIMIT 1 OFFSET ${most - 1}`
  const [full] = await connection.query<{ readonly id: string }>(sql, [after, before])
  if (full !== undefined) return { after, last: full.id }
  const [rest] = await connection.query<{ readonly id: string | null }>(`SELECT max(${key}) AS id ${range}`, [
    after,
    before,
  ])
  return typeof rest?.id === "string" ? { after, last: rest.id } : null
}

/**
 * What a run would find: a call is blocked by rows that hang on it and stay.
 */
export async function countWindow(connection: CubeConnection, target: Target, window: Window): Promise<Counts> {
  return await counted(connection, target, window, await reasonsToStay(connection, target, window, "stays"))
}

/** What may be deleted now: a call is blocked by every row that hangs on it. */
export async function deletableIn(connection: CubeConnection, target: Target, window: Window): Promise<number> {
  const { candidate, held, blocked } = await counted(
    connection,
    target,
    window,
    await reasonsToStay(connection, target, window, "is-there"),
  )
  return candidate - held - blocked
}

/** In a transaction. How many rows were deleted. */
export async function deleteWindow(connection: CubeConnection, target: Target, window: Window): Promise<number> {
  const { name, key } = target.table
  const { held, blocked } = await reasonsToStay(connection, target, window, "is-there")
  const stays = [held, blocked].filter((reason) => reason !== null).map((reason) => ` AND NOT ${reason}`)
  const sql = `DELETE FROM ${name} WHERE ${key} > ?1 AND ${key} <= ?2${stays.join("")} RETURNING 1 AS gone`
  return (await connection.query(sql, [window.after, window.last])).length
}

interface Reasons {
  /** Conditions on a row; null: none of the window stays for this. */
  readonly held: string | null
  readonly blocked: string | null
}

async function counted(
  connection: CubeConnection,
  { table: { name, key } }: Target,
  { after, last }: Window,
  { held, blocked }: Reasons,
): Promise<Counts> {
  const sql = `SELECT count(*) AS candidate, count(*) FILTER (WHERE held = 1) AS held,
      count(*) FILTER (WHERE held = 0 AND blocked = 1) AS blocked
    FROM (SELECT ${flagOf(held)} AS held, ${flagOf(blocked)} AS blocked FROM ${name}
      WHERE ${key} > ?1 AND ${key} <= ?2) AS found`
  const [counts] = await connection.query<Counts>(sql, [after, last])
  return counts ?? { candidate: 0, held: 0, blocked: 0 }
}

function flagOf(condition: string | null): string {
  return condition === null ? "0" : `CASE WHEN ${condition} THEN 1 ELSE 0 END`
}

/** Only what there is in the window is asked of each row. */
async function reasonsToStay(
  connection: CubeConnection,
  { table, dataClass, cutoffs }: Target,
  window: Window,
  child: "stays" | "is-there",
): Promise<Reasons> {
  const held = (await hasHolds(connection, dataClass)) ? heldSql(table, table.name, dataClass) : null
  if (table.name !== CALLS_TABLE) return { held, blocked: null }
  const reasons: string[] = []
  for (const name of UNFINISHED) if (await isThere(connection, name, window)) reasons.push(hangsOn(name))
  for (const { name: ofChild, tables } of CHILD_CLASSES) {
    const cutoff = cutoffs.get(ofChild)
    const isDeleted = child === "stays" && cutoff !== undefined && window.last < cutoff
    const mayBeHeld = isDeleted && (await hasHolds(connection, ofChild))
    if (isDeleted && !mayBeHeld) continue
    for (const each of tables) {
      if (!(await isThere(connection, each.name, window))) continue
      const young = cutoff === undefined ? "1 = 1" : `${each.name}.request_id >= '${cutoff}'`
      const stays = child === "is-there" ? "" : ` AND (${young} OR ${heldSql(each, each.name, ofChild)})`
      reasons.push(hangsOn(each.name, stays))
    }
  }
  return { held, blocked: reasons.length === 0 ? null : `(${reasons.join(" OR ")})` }
}

function hangsOn(name: string, further = ""): string {
  return `EXISTS (SELECT 1 FROM ${name} WHERE ${name}.request_id = ${CALLS_TABLE}.request_id${further})`
}

async function isThere(connection: CubeConnection, name: string, { after, last }: Window): Promise<boolean> {
  const sql = `SELECT 1 AS found FROM ${name} WHERE request_id > ?1 AND request_id <= ?2 LIMIT 1`
  return (await connection.query(sql, [after, last])).length > 0
}
