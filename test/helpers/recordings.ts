/** Recorded exchanges with real providers. They stand beside the repository; without them their tests are skipped. */
import { existsSync, readdirSync, readFileSync } from "node:fs"
import path from "node:path"
import { sampledByKind } from "./sample.ts"
import type { Dialect } from "./samples.ts"

export interface Recording {
  readonly name: string
  readonly id: string
  readonly dialect: Dialect
  readonly stream: boolean
  readonly path: string | null
  readonly request: Readonly<Record<string, unknown>> | null
  readonly request_headers: Readonly<Record<string, string>>
  readonly response_headers: Readonly<Record<string, string>>
  readonly status: number
  readonly body?: unknown
  readonly sse?: string | null
  readonly text?: string | null
  readonly features: readonly string[]
}

const FOLDER = path.resolve(import.meta.dir, "../../../shared/recordings")

export const RECORDINGS_MISSING: boolean = !existsSync(FOLDER)

/** In a sampled run, fewer only where fewer hold every kind. */
const FEWEST_RECORDINGS = 30

/** This run's recordings of a dialect's main endpoint: every kind is there, and in a whole run every recording. */
export function recordingsOf(dialect: Dialect): readonly Recording[] {
  return sampledByKind(allRecordingsOf(dialect), kindsOf, FEWEST_RECORDINGS)
}

/** Streamed or unary, the status, the path's query, and each kind of content. */
function kindsOf({ stream, status, path: target, features }: Recording): readonly string[] {
  const way = stream ? "streamed" : "unary"
  const query = target?.split("?")[1] ?? "no query"
  return [`${way} ${status}`, query, ...features.map((feature) => `${way} ${feature.split(":")[0]}`)]
}

/** Every recording of a dialect's main endpoint; empty, with a printed reason, where there are none. */
export function allRecordingsOf(dialect: Dialect): readonly Recording[] {
  if (RECORDINGS_MISSING) {
    process.stderr.write(`skipped: no recordings beside the repository (${dialect})\n`)
    return []
  }
  const folder = path.join(FOLDER, dialect)
  return readdirSync(folder)
    .filter((file) => file.endsWith(".json"))
    .toSorted()
    .map((file) => ({
      ...(JSON.parse(readFileSync(path.join(folder, file), "utf8")) as Recording),
      name: `${dialect}/${file.slice(0, -5)}`,
    }))
}

/** The recorded answer's bytes. */
export function answerBytes(recording: Recording): Buffer {
  if (typeof recording.sse === "string") return Buffer.from(recording.sse)
  if (typeof recording.text === "string") return Buffer.from(recording.text)
  return Buffer.from(JSON.stringify(recording.body))
}
