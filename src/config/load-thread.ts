/** The thread in which a large configuration is read while calls are served. Lists go over as bytes, which costs the other side no time. */
import { parentPort } from "node:worker_threads"
import type { Config } from "./config.ts"
import { formatPath } from "./findings.ts"
import { loadConfig, type LoadOptions } from "./load.ts"
import { LISTS, type ListName } from "./reload/marks.ts"
import { fileRead, jsonLines, type FileRead } from "./reading.ts"

export type ThreadAnswer = Omit<FileRead, "lineOf"> & {
  /** By formatted path: what a snapshot has to know the line of. */
  readonly lines: ReadonlyMap<string, number>
  /** JSON lines of the entries; the configuration's own lists are empty. */
  readonly lists: Readonly<Record<ListName, Uint8Array>>
}

parentPort?.on("message", (options: LoadOptions) => {
  const { lineOf, ...read } = fileRead(loadConfig(options))
  const { config } = read
  const lists = Object.fromEntries(LISTS.map((list) => [list, jsonLines(config?.[list] ?? [])]))
  const empty = Object.fromEntries(LISTS.map((list) => [list, []]))
  const answer: ThreadAnswer = {
    ...read,
    config: config === null ? null : { ...config, ...empty },
    lines: config === null ? new Map() : linesOf(config, lineOf),
    lists: lists as ThreadAnswer["lists"],
  }
  parentPort?.postMessage(answer)
})

function linesOf({ models }: Config, lineOf: FileRead["lineOf"]): ReadonlyMap<string, number> {
  const lines = new Map<string, number>()
  for (const [name, group] of Object.entries(models)) {
    for (const index of group.targets.keys()) {
      const path = ["models", name, "targets", index]
      const line = lineOf(path)
      if (line !== null) lines.set(formatPath(path), line)
    }
  }
  return lines
}
