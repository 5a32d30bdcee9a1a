/** Files and folders that hold calls are readable by their owner alone, whatever the umask or an earlier run left. */
import {
  chmodSync,
  closeSync,
  constants,
  fchmodSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  statSync,
  writeSync,
  type Stats,
} from "node:fs"
import type { Log } from "./log.ts"

export const OWNER_FILE = 0o600
const OWNER_FOLDER = 0o700
const READABLE_FILE = 0o644

/**
 * Makes the folder, or narrows one that is there. A folder that others share (it has sub-folders, the sticky bit,
 * or another owner) keeps its mode, with a warning: the files in it are narrow all the same, and refused where they are
 * not ours.
 */
export function ensureOwnerFolder(path: string, log: Log): void {
  if (mkdirSync(path, { recursive: true, mode: OWNER_FOLDER }) !== undefined) {
    chmodSync(path, OWNER_FOLDER)
    return
  }
  const { mode, uid } = statSync(path)
  if ((mode & 0o077) === 0) return
  const isShared = (mode & 0o1000) !== 0 || uid !== process.getuid?.() || hasFolders(path)
  const isWritable = (mode & 0o022) !== 0 && (mode & 0o1000) === 0
  if (isShared && isWritable) log.warn("other users can replace the files of a folder with call data", { folder: path })
  else if (isShared) log.warn("a folder with call data is open to other users; its files are not", { folder: path })
  else chmodSync(path, OWNER_FOLDER)
}

/**
 * Makes an empty file, or narrows the one that is there. Never opens an existing file: that would drop SQLite's locks.
 * @throws NotOurs
 */
export function ensureOwnerFile(path: string, log: Log): void {
  try {
    closeSync(openSync(path, "wx", OWNER_FILE))
  } catch (error) {
    if (!isCode(error, "EEXIST")) throw error
    refuseForeign(path)
  }
  narrowFile(path, log)
}

/** Narrows the file if it is there. @throws NotOurs */
export function narrowFile(path: string, log: Log): void {
  refuseForeign(path)
  const found = statSync(path, { throwIfNoEntry: false })
  if (found === undefined || !found.isFile() || (found.mode & 0o777) === OWNER_FILE) return
  try {
    chmodSync(path, OWNER_FILE)
  } catch (error) {
    log.warn("a file with call data keeps its mode", { file: path, error })
  }
}

/** Opens a file of ours for appending, or makes it. @throws NotOurs */
export function openOwnerFile(path: string): number {
  refuseForeign(path)
  return openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND | constants.O_NOFOLLOW, OWNER_FILE)
}

/** Writes a file that others may read and only we may write, in place of one of ours. @throws NotOurs */
export function writeReadableFile(path: string, text: string): void {
  refuseForeign(path)
  const { O_WRONLY, O_CREAT, O_TRUNC, O_NOFOLLOW } = constants
  const file = openSync(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, READABLE_FILE)
  try {
    fchmodSync(file, READABLE_FILE)
    writeSync(file, text)
  } finally {
    closeSync(file)
  }
}

/** A file that stands where one of ours should stand, and is not: another user could read it, write it, or have us write elsewhere. */
export class NotOurs extends Error {
  constructor(path: string, fault: string) {
    super(`${path} ${fault}. It is not used: move it away, or give its place to the user that runs the router.`)
    this.name = "NotOurs"
  }
}

/** What is there already is a plain file of this user, with one name. Devices are what the system made them. @throws NotOurs */
export function refuseForeign(path: string): void {
  if (path.startsWith("/dev/")) return
  const found = lstatSync(path, { throwIfNoEntry: false })
  if (found === undefined) return
  const fault = foreignness(found, process.getuid?.())
  if (fault !== null) throw new NotOurs(path, fault)
}

/** Null: nothing stands against the file. */
export function foreignness(
  found: Pick<Stats, "uid" | "nlink" | "isFile" | "isSymbolicLink">,
  uid: number | undefined,
): string | null {
  if (found.isSymbolicLink()) return "is a link"
  if (!found.isFile()) return "is no regular file"
  if (uid !== undefined && found.uid !== uid) return "belongs to another user"
  return found.nlink > 1 ? "has a second name (a hard link)" : null
}

export function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code
}

function hasFolders(path: string): boolean {
  return readdirSync(path, { withFileTypes: true }).some((entry) => entry.isDirectory())
}
