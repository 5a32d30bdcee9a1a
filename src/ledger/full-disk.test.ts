import { Database } from "bun:sqlite"
import { expect, test } from "bun:test"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { ledgerFolder, until } from "../../test/helpers/ledger.ts"
import { sampleCall } from "../../test/helpers/sample-call.ts"

const TS = Date.UTC(2026, 10, 22, 10)
const limits = { firstProbeMs: 10, slowestProbeMs: 20 }

/** A disk of its own, so that it can be full; null where the machine does not allow that. */
function smallDisk(): (Disposable & { readonly folder: string }) | null {
  const folder = mkdtempSync(join(tmpdir(), "small-disk-"))
  const mounted =
    process.getuid?.() === 0 &&
    Bun.spawnSync(["mount", "-t", "tmpfs", "-o", "size=14m", "tmpfs", folder], { stderr: "ignore" }).success
  if (!mounted) {
    rmSync(folder, { recursive: true })
    return null
  }
  const unmount = (): void => {
    Bun.spawnSync(["umount", "--lazy", folder])
    rmSync(folder, { recursive: true })
  }
  return { folder, [Symbol.dispose]: unmount }
}

function idsIn(path: string): string[] {
  const database = new Database(path, { readonly: true })
  try {
    const rows = database.query<{ id: string }, []>("SELECT request_id AS id FROM request_usage ORDER BY 1").all()
    return rows.map(({ id }) => id)
  } finally {
    database.close()
  }
}

function mayMount(): boolean {
  using disk = smallDisk()
  return disk !== null
}

test.skipIf(!mayMount())("a full disk takes finished calls all the same (needs the right to mount)", async () => {
  await using state = ledgerFolder()
  using disk = smallDisk()
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
