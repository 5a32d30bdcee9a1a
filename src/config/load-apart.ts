/** Reads a configuration while calls go on, however large the file is. */
import { stat } from "node:fs/promises"
import { Worker } from "node:worker_threads"
import type { LoadedAdminRules } from "./admin-rules.ts"
import type { Config } from "./config.ts"
import { formatPath, type Finding } from "./findings.ts"
import { systemClock } from "../system/clock.ts"
import { canOpen, THREAD_DESCRIPTORS } from "../system/descriptors.ts"
import { loadConfig, type LoadOptions, type LoadResult } from "./load.ts"
import type { Part } from "./load-thread.ts"
import { marksOf, type ListName, type Marks } from "./marks.ts"
import type { Path } from "./schema/inspect.ts"

/** The file itself is read, since functions do not cross into a thread. */
export type LoadedFile = Pick<LoadOptions, "path" | "env">

/** What is kept of a loaded configuration, and what a reload has to know of the next one. */
export interface Reading {
  /** Null when a finding is an error. */
  readonly config: Config | null
  readonly findings: readonly Finding[]
  readonly files: readonly string[]
  readonly prints: ReadonlyMap<string, string>
  readonly digest: string
  readonly admin: LoadedAdminRules
  /** Of the parts of the configuration; empty where there is none. */
  readonly marks: Marks
  readonly lineOf: (path: Path) => number | null
}

export function readingOf(result: LoadResult): Reading {
  const { config, findings, files, prints, digest, admin, lineOf } = result
  const marks = config === null ? new Map() : marksOf(config)
  return { config, findings, files, prints, digest, admin, lineOf, marks }
}

type Outcome = Extract<Part, { readonly is: "outcome" }>

/** Inside the binary, the bundle stands above the folders (see scripts/build.ts). */
const THREAD = import.meta.url.includes("/$bunfs/") ? "./config/load-thread.ts" : "./load-thread.ts"

/** Small files take less time than a thread does to begin. */
const LARGE_BYTES = 32_768

const DESCRIPTOR_TRIES = 20
const DESCRIPTOR_WAIT_MS = 250

/** In a thread where the file is so large that reading it would hold up calls. */
export async function loadMeanwhile(options: LoadedFile): Promise<Reading> {
  const { size } = await stat(options.path).catch(() => ({ size: 0 }))
  return size > LARGE_BYTES ? loadApart(options) : readingOf(loadConfig(options))
}

/** Rejects when the thread fails; what is wrong with the configuration is in the findings. */
export async function loadApart(options: LoadedFile): Promise<Reading> {
  await untilDescriptors()
  const thread = new Worker(new URL(THREAD, import.meta.url))
  thread.unref()
  try {
    const next = partsFrom(thread, options)
    const outcome = await next()
    if (outcome.is !== "outcome") throw new Error("the thread gave no outcome")
    const lists: Record<ListName, unknown[]> = { users: [], projects: [], project_memberships: [], callers: [] }
    for (let part = await next(); part.is === "entries"; part = await next()) lists[part.list].push(...part.entries)
    return readingFrom(outcome, lists)
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

/** Asks for one part after the other. */
function partsFrom(thread: Worker, options: LoadedFile): () => Promise<Part> {
  let awaited = Promise.withResolvers<Part>()
  thread.on("message", (part: Part) => awaited.resolve(part))
  thread.on("error", (error) => awaited.reject(error))
  thread.on("exit", () => awaited.reject(new Error("the thread that reads the configuration has ended")))
  return () => {
    awaited = Promise.withResolvers<Part>()
    thread.postMessage(options)
    return awaited.promise
  }
}

function readingFrom(outcome: Outcome, lists: Readonly<Record<ListName, readonly unknown[]>>): Reading {
  const { config, findings, files, prints, digest, admin, marks, lines } = outcome
  return {
    config: config === null ? null : ({ ...config, ...lists } as Config),
    findings,
    files,
    prints,
    digest,
    admin,
    marks,
    lineOf: (path) => lines.get(formatPath(path)) ?? null,
  }
}
