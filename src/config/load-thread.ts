/**
 * The thread in which a changed configuration is read while calls are served. It says first how the reading went, and then
 * hands over long lists a part at a time, so that the other side is never held for long.
 */
import { parentPort } from "node:worker_threads"
import type { LoadedAdminRules } from "./admin-rules.ts"
import type { Config } from "./config.ts"
import { formatPath, type Finding } from "./findings.ts"
import { loadConfig, type LoadOptions } from "./load.ts"
import { LISTS, marksOf, type ListName, type Marks } from "./marks.ts"

/** Asked for by the first message, which says what to load, and by each further one. */
export type Part =
  | {
      readonly is: "outcome"
      /** Without the entries of its lists. */
      readonly config: Config | null
      readonly findings: readonly Finding[]
      readonly files: readonly string[]
      readonly prints: ReadonlyMap<string, string>
      readonly digest: string
      readonly admin: LoadedAdminRules
      readonly marks: Marks
      /** Lines by formatted path, of what a snapshot has to know the line of. */
      readonly lines: ReadonlyMap<string, number>
    }
  | { readonly is: "entries"; readonly list: ListName; readonly entries: readonly unknown[] }
  | { readonly is: "end" }

const ENTRIES_OF_A_PART = 200

let parts: Generator<Part, void> | undefined

parentPort?.on("message", (options: LoadOptions) => {
  parts ??= partsOf(options)
  const next = parts.next()
  parentPort?.postMessage(next.done === true ? { is: "end" } : next.value)
})

function* partsOf(options: LoadOptions): Generator<Part, void> {
  const { config, findings, files, prints, digest, admin, lineOf } = loadConfig(options)
  const outcome = {
    is: "outcome",
    config: null,
    findings,
    files,
    prints,
    digest,
    admin,
    marks: new Map(),
    lines: new Map(),
  } as const
  if (config === null) {
    yield outcome
    return
  }
  const lines = new Map<string, number>()
  for (const [name, group] of Object.entries(config.models)) {
    for (const index of group.targets.keys()) {
      const path = ["models", name, "targets", index]
      const line = lineOf(path)
      if (line !== null) lines.set(formatPath(path), line)
    }
  }
  const empty = Object.fromEntries(LISTS.map((list) => [list, []]))
  yield { ...outcome, config: { ...config, ...empty }, marks: marksOf(config), lines }
  for (const list of LISTS) {
    for (let from = 0; from < config[list].length; from += ENTRIES_OF_A_PART)
      yield { is: "entries", list, entries: config[list].slice(from, from + ENTRIES_OF_A_PART) }
  }
}
