/** Files and folders that hold calls are readable by their owner alone, whatever the umask or an earlier run left. */
import { chmodSync, closeSync, mkdirSync, openSync, readdirSync, statSync } from "node:fs"
import type { Log } from "./log.ts"

export const OWNER_FILE = 0o600
const OWNER_FOLDER = 0o700

/**
 * Makes the folder, or narrows one that is there. A folder that others share (it has sub-folders, the sticky bit,
 * or another owner) keeps its mode, with a warning: the files in it are narrow all the same.
 */
export function ensureOwnerFolder(path: string, log: Log): void {
  if (mkdirSync(path, { recursive: true, mode: OWNER_FOLDER }) !== undefined) {
    chmodSync(path, OWNER_FOLDER)
    return
  }
  const { mode, uid } = statSync(path)
  if ((mode & 0o077) === 0) return
  const isShared = (mode & 0o1000) !== 0 || uid !== process.getuid?.() || hasFolders(path)
  if (isShared) log.warn("a folder with call data is open to other users; its files are not", { folder: path })
  else chmodSync(path, OWNER_FOLDER)
}

/** Makes an empty file, or narrows the one that is there. Never opens an existing file: that would drop SQLite's locks. */
export function ensureOwnerFile(path: string, log: Log): void {
  try {
    closeSync(openSync(path, "wx", OWNER_FILE))
  } catch (error) {
    if (!isCode(error, "EEXIST")) throw error
  }
  narrowFile(path, log)
}

/** Narrows the file if it is there. */
export function narrowFile(path: string, log: Log): void {
  const found = statSync(path, { throwIfNoEntry: false })
  if (found === undefined || !found.isFile() || (found.mode & 0o777) === OWNER_FILE) return
  try {
    chmodSync(path, OWNER_FILE)
  } catch (error) {
    log.warn("a file with call data keeps its mode", { file: path, error })
  }
}

export function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code
}

function hasFolders(path: string): boolean {
  return readdirSync(path, { withFileTypes: true }).some((entry) => entry.isDirectory())
}
