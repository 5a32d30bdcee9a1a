/** Reads a configuration while calls go on, however large the file is. */
import { stat } from "node:fs/promises"
import { setImmediate as nextTurn } from "node:timers/promises"
import { Worker } from "node:worker_threads"
import { systemClock } from "../system/clock.ts"
import { canOpen, THREAD_DESCRIPTORS } from "../system/descriptors.ts"
import { formatPath } from "./findings.ts"
import type { ThreadAnswer } from "./load-thread.ts"
import { LISTS } from "./reload/marks.ts"
import { readConfiguration, withCallers, type FileRead, type Reading, type ReadingOptions } from "./reading.ts"

/** The file itself is read, since functions do not cross into a thread. */
export type FileOptions = Pick<ReadingOptions, "path" | "env" | "before">

/** Inside the binary, the bundle stands above the folders (see scripts/build.ts). */
const THREAD = import.meta.url.includes("/$bunfs/") ? "./config/load-thread.ts" : "./load-thread.ts"

/** Small files take less time than a thread does to begin. */
const LARGE_BYTES = 32_768

const DESCRIPTOR_TRIES = 20
const DESCRIPTOR_WAIT_MS = 250

/** In a thread where the file is so large that reading it would hold up calls. */
export async function readMeanwhile(options: FileOptions): Promise<Reading> {
  const { size } = await stat(options.path).catch(() => ({ size: 0 }))
  return size > LARGE_BYTES ? readApart(options) : readConfiguration(options)
}

/** Rejects when the thread fails; what is wrong with the configuration is in the findings. */
export async function readApart(options: FileOptions): Promise<Reading> {
  return withCallers(await fileReadApart(options), options)
}

async function fileReadApart({ path, env }: FileOptions): Promise<FileRead> {
  await untilDescriptors()
  const thread = new Worker(new URL(THREAD, import.meta.url))
  thread.unref()
  try {
    const awaited = Promise.withResolvers<ThreadAnswer>()
    thread.on("message", awaited.resolve)
    thread.on("error", awaited.reject)
    thread.on("exit", () => awaited.reject(new Error("the thread that reads the configuration has ended")))
    thread.postMessage({ path, env })
    return await unpacked(await awaited.promise)
  } finally {
    await thread.terminate()
  }
}

/** @throws Error where there are none for some seconds: the reload is refused then */
async function untilDescriptors(): Promise<void> {
  for (let tries = 0; !canOpen(THREAD_DESCRIPTORS); tries += 1) {
    if (tries === DESCRIPTOR_TRIES)
      throw new Error("the process has no file descriptors left to read the configuration")
    await systemClock.sleep(DESCRIPTOR_WAIT_MS)
  }
}

async function unpacked({ lines, lists, ...answer }: ThreadAnswer): Promise<FileRead> {
  const lineOf: FileRead["lineOf"] = (path) => lines.get(formatPath(path)) ?? null
  if (answer.config === null) return { ...answer, lineOf }
  const entries: Record<string, readonly unknown[]> = {}
  for (const list of LISTS) entries[list] = await parsed(lists[list])
  return { ...answer, lineOf, config: { ...answer.config, ...entries } }
}

const LINES_AT_A_TIME = 512

async function parsed(bytes: Uint8Array): Promise<readonly unknown[]> {
  const lines = new TextDecoder().decode(bytes).split("\n").filter(Boolean)
  const values: unknown[] = []
  for (const [index, line] of lines.entries()) {
    if ((index + 1) % LINES_AT_A_TIME === 0) await nextTurn()
    values.push(JSON.parse(line))
  }
  return values
}
