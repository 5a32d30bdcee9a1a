/** A disk of its own, so that it can be full; null where the machine does not allow that. */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

export interface SmallDisk extends Disposable {
  readonly folder: string
}

export function smallDisk(size: string): SmallDisk | null {
  const folder = mkdtempSync(join(tmpdir(), "small-disk-"))
  const mounted =
    process.getuid?.() === 0 &&
    Bun.spawnSync(["mount", "-t", "tmpfs", "-o", `size=${size}`, "tmpfs", folder], { stderr: "ignore" }).success
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

export function mayMount(): boolean {
  using disk = smallDisk("1m")
  return disk !== null
}
