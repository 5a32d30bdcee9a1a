/** Files that commands write. */
import { closeSync, fsyncSync, openSync, realpathSync, renameSync, rmSync, statSync, writeSync } from "node:fs"

/** Replaces a file in one step, keeping its mode; a link stays and the file behind it is replaced. */
export function replaceFile(path: string, text: string): void {
  const file = realpathSync(path)
  const temporary = `${file}.${process.pid}.tmp`
  const descriptor = openSync(temporary, "wx", statSync(file).mode & 0o777)
  try {
    writeSync(descriptor, text)
    fsyncSync(descriptor)
    renameSync(temporary, file)
  } catch (error) {
    rmSync(temporary, { force: true })
    throw error
  } finally {
    closeSync(descriptor)
  }
}
