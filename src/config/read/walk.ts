/** The state of one reading of a YAML document. */
import type { Node } from "yaml"
import type { z } from "zod"
import type { Sources } from "./expand.ts"
import type { Position, Report } from "../findings.ts"
import type { FoundPlaces } from "./places.ts"
import type { Path } from "../schema/inspect.ts"

/** In characters. To parse a text takes a hundred times as many bytes of memory. */
export const LONGEST_TEXT: number = 8 << 20
/** More values than any real configuration holds: ten thousand callers with limits are two hundred thousand. */
export const MAX_VALUES: number = 1_000_000
/** The same for values that stand there only through aliases, which can multiply. */
export const MAX_ALIASED_VALUES: number = 50_000
export const MAX_DEPTH = 64

/** A value that could not be filled in; it is left out of the tree. */
export interface Unresolved {
  readonly path: Path
  readonly variables: readonly string[]
  readonly files: readonly string[]
}

export interface Walk {
  readonly root: z.ZodType
  readonly sources: Sources
  readonly report: Report
  readonly places: FoundPlaces
  readonly positionAt: (offset: number) => Position
  readonly anchors: Map<string, Node>
  readonly open: Set<Node>
  readonly unresolved: Unresolved[]
  readonly explained: Set<string>
  readonly written: Path[]
  readonly expanded: Set<string>
  readonly secrets: Set<string>
  left: number
  leftAliased: number
  /** How many aliases lead to where the reading is. */
  aliases: number
}

export const TOO_LONG: string = `The file is longer than ${LONGEST_TEXT >> 20} MiB. Many callers belong into a \`callers_file\`.`
const grouped = (count: number): string => count.toLocaleString("en-US")
export const TOO_LARGE: string = `The file holds more than ${grouped(MAX_VALUES)} values (${grouped(MAX_ALIASED_VALUES)} of them through aliases), or is nested deeper than ${MAX_DEPTH} levels.`

/** The document holds more than a configuration can: reading stops. */
export class TooLarge extends Error {}

/** Counts one value. Throws `TooLarge` when there are too many, or when they are nested too deep. */
export function spend(walk: Walk, depth: number): void {
  walk.left -= 1
  if (walk.aliases > 0) walk.leftAliased -= 1
  if (walk.left < 0 || walk.leftAliased < 0 || depth > MAX_DEPTH) throw new TooLarge()
}

/** Reads on behind an alias. */
export function throughAlias<T>(walk: Walk, read: () => T): T {
  walk.aliases += 1
  try {
    return read()
  } finally {
    walk.aliases -= 1
  }
}
