/** Which tags callers had when: rows of `caller_tags`, brought up to date when a configuration comes into force. */
import type { LedgerDatabase } from "./database.ts"

/** By caller, then by name. */
export type CallerTags = ReadonlyMap<string, Readonly<Record<string, string>>>

interface Current {
  readonly caller_id: string
  readonly name: string
  readonly value: string
}

const ROWS_AT_ONCE = 500
const WRITES_AT_ONCE = 100
const CURRENT = `SELECT caller_id, name, value FROM caller_tags
  WHERE until IS NULL AND (caller_id > ?1 OR (caller_id = ?1 AND name > ?2))
  ORDER BY caller_id, name LIMIT ${ROWS_AT_ONCE}`
const END = "UPDATE caller_tags SET until = ?1 WHERE caller_id = ?2 AND name = ?3 AND until IS NULL RETURNING name"

/** Ends what no longer holds, and begins what is new. Another router that does the same at this time changes nothing. */
export async function keepTags(
  database: Pick<LedgerDatabase, "query">,
  tags: CallerTags,
  nowMs: number,
): Promise<void> {
  const isHeld = new Set<string>()
  for await (const { caller_id, name, value } of current(database)) {
    if (tags.get(caller_id)?.[name] === value) isHeld.add(JSON.stringify([caller_id, name]))
    else await database.query(END, [nowMs, caller_id, name])
  }
  const begun: (readonly [string, string, number, string])[] = []
  let looked = 0
  for (const [callerId, named] of tags) {
    for (const [name, value] of Object.entries(named))
      if (!isHeld.has(JSON.stringify([callerId, name]))) begun.push([callerId, name, nowMs, value])
    looked += 1
    if (looked % ROWS_AT_ONCE === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  for (let from = 0; from < begun.length; from += WRITES_AT_ONCE) {
    const some = begun.slice(from, from + WRITES_AT_ONCE)
    const sql = `INSERT INTO caller_tags (caller_id, name, since, value) VALUES ${some.map(() => "(?,?,?,?)").join(",")}
      ON CONFLICT DO NOTHING RETURNING name`
    await database.query(sql, some.flat())
    await new Promise((resolve) => setImmediate(resolve))
  }
}

async function* current(database: Pick<LedgerDatabase, "query">): AsyncGenerator<Current> {
  let last: Current | undefined = { caller_id: "", name: "", value: "" }
  while (last !== undefined) {
    const rows: Current[] = await database.query<Current>(CURRENT, [last.caller_id, last.name])
    yield* rows
    last = rows.length < ROWS_AT_ONCE ? undefined : rows.at(-1)
    await new Promise((resolve) => setImmediate(resolve))
  }
}
