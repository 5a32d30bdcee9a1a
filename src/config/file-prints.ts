/** Fingerprints of files: what changes whenever the content behind a path may have changed. Links are followed. */
import { statSync, type Stats } from "node:fs"
import { stat } from "node:fs/promises"

export function fingerprintNow(path: string): string {
  try {
    return printOf(statSync(path))
  } catch {
    return ABSENT
  }
}

export async function fingerprint(path: string): Promise<string> {
  try {
    return printOf(await stat(path))
  } catch {
    return ABSENT
  }
}

const ABSENT = "absent"

function printOf({ dev, ino, size, mtimeMs, ctimeMs }: Stats): string {
  return [dev, ino, size, mtimeMs, ctimeMs].join(":")
}
