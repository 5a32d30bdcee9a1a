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

export function printOf({ dev, ino, size, mtimeMs, ctimeMs }: Stats): string {
  return [dev, ino, size, mtimeMs, ctimeMs].join(":")
}

/** Do two fingerprints tell of one file that was written in place, rather than replaced? */
export function isSameFile(before: string, after: string): boolean {
  return before !== ABSENT && fileOf(before) === fileOf(after)
}

function fileOf(print: string): string {
  return print.split(":").slice(0, 2).join(":")
}
