/**
 * The fixtures of this folder and their goldens. A fixture is `<kind>/<dialect>/<case>.json`: `holds` says what it is
 * about, `body` (a request or a reply) or `stream` (a list of frames) is what comes in. Beside it stands, for each other
 * dialect, `<case>.<target>.json`: what the router makes of it, and what it declares as lost.
 */
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { isObject, parseExact, type JsonObject, type JsonValue } from "../../src/canonical/json.ts"
import type { Loss } from "../../src/canonical/loss.ts"
import type { Dialect } from "../../src/canonical/origin.ts"
import { writtenReply, writtenRequest, writtenStream, type Way } from "./translate.ts"

export type Kind = "requests" | "replies" | "streams"

export interface GoldenCase extends Way {
  readonly kind: Kind
  readonly name: string
  readonly holds: string
  /** Of the golden. */
  readonly path: string
  readonly fixture: JsonObject
}

export interface Golden {
  readonly losses: readonly Loss[]
  readonly body?: JsonValue
  /** Frames. */
  readonly stream?: readonly string[]
}

export const DIALECTS: readonly Dialect[] = ["chat", "responses", "messages"]

const KINDS: readonly Kind[] = ["requests", "replies", "streams"]
const FOLDER = import.meta.dir

export function goldenCases(): readonly GoldenCase[] {
  return KINDS.flatMap((kind) => DIALECTS.flatMap((from) => casesOf(kind, from)))
}

/** Every JSON file in the folder of goldens, fixture or golden. */
export function goldenFiles(): readonly string[] {
  return KINDS.flatMap((kind) =>
    DIALECTS.flatMap((from) => readdirSync(join(FOLDER, kind, from)).map((file) => join(FOLDER, kind, from, file))),
  )
}

export function fixturePath({ kind, from, name }: GoldenCase): string {
  return join(FOLDER, kind, from, `${name}.json`)
}

function casesOf(kind: Kind, from: Dialect): readonly GoldenCase[] {
  const folder = join(FOLDER, kind, from)
  const names = readdirSync(folder).flatMap((file) => /^([a-z-]+)\.json$/u.exec(file)?.[1] ?? [])
  return names.toSorted().flatMap((name) => {
    const fixture = parseExact(readFileSync(join(folder, `${name}.json`), "utf8"))
    if (!isObject(fixture) || typeof fixture["holds"] !== "string") throw new Error(`${from}/${name} is no fixture`)
    const { holds } = fixture
    return DIALECTS.filter((to) => to !== from).map((to) => {
      return { kind, from, to, name, holds, fixture, path: join(folder, `${name}.${to}.json`) }
    })
  })
}

export function translated({ kind, from, to, fixture }: GoldenCase): Golden {
  if (kind === "streams") {
    const frames = fixture["stream"]
    if (!Array.isArray(frames)) throw new Error("a stream is a list of frames")
    const { losses, text } = writtenStream(frames.map((frame) => `${String(frame)}\n\n`).join(""), { from, to })
    return { losses, stream: text.split("\n\n").slice(0, -1) }
  }
  const body = fixture["body"] ?? null
  return kind === "requests" ? writtenRequest(body, { from, to }) : writtenReply(body, { from, to })
}

export function textOf(golden: Golden): string {
  return `${JSON.stringify(golden, null, 2)}\n`
}
