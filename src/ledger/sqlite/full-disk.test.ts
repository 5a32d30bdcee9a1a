import { Database } from "bun:sqlite"
import { expect, test } from "bun:test"
import { rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { ledgerFolder, until } from "../../../test/helpers/ledger.ts"
import { sampleCall } from "../../../test/helpers/sample-call.ts"
import { mayMount, smallDisk } from "../../../test/helpers/small-disk.ts"

const TS = Date.UTC(2026, 10, 22, 10)
const limits = { firstProbeMs: 10, slowestProbeMs: 20 }

function idsIn(path: string): string[] {
  const database = new Database(path, { readonly: true })
  try {
    const rows = database.query<{ id: string }, []>("SELECT request_id AS id FROM request_usage ORDER BY 1").all()
    return rows.map(({ id }) => id)
  } finally {
    database.close()
  }
}

test.skipIf(!mayMount())("a full disk takes finished calls all the same (needs the right to mount)", async () => {
  await using state = ledgerFolder()
  using disk = smallDisk("14m")
  if (disk === null) throw new Error("the disk was there a moment ago")
  const path = join(disk.folder, "state", "usage.sqlite")
  const ledger = await state.open({ path, limits })
  const filler = join(disk.folder, "filler")
  expect(() => writeFileSync(filler, Buffer.alloc(14 << 20))).toThrow("ENOSPC")
  const all = Array.from({ length: 1000 }, (_, number) => sampleCall(TS, number))
  for (let from = 0; from < all.length; from += 50) {
    await Promise.all(all.slice(from, from + 50).map((call) => ledger.record(call)))
  }
  expect(state.messages[0]).toBe("the usage database takes no rows; calls go to the spool")
  expect(ledger.accepting()).toBe(true)
  rmSync(filler)
  await until(() => idsIn(path).length === all.length)
  expect(idsIn(path)).toEqual(all.map(({ usage }) => usage.request_id))
  await ledger.close()
})
