/** What loading a configuration found out about it. */
import type { Path } from "./schema/inspect.ts"

export type Severity = "error" | "warning" | "info"

export type FindingCode =
  | "alias-clash"
  | "budget-without-price"
  | "burst-without-rate"
  | "capability-unknown"
  | "ceiling-unmet"
  | "cleartext-key"
  | "cleartext-database"
  | "cleartext-password"
  | "contract-unmet"
  | "counted-per-process"
  | "deprecated-key"
  | "duplicate-id"
  | "duplicate-key"
  | "duplicate-token"
  | "empty-file"
  | "empty-group"
  | "environment"
  | "inactive-reference"
  | "invalid-policy"
  | "invalid-script"
  | "invalid-value"
  | "live"
  | "missing-key"
  | "missing-variable"
  | "many-writers"
  | "no-callers"
  | "no-effect"
  | "no-groups"
  | "no-key"
  | "no-root"
  | "key-with-scheme"
  | "wait-too-short"
  | "no-weight"
  | "not-active"
  | "not-implemented"
  | "nothing-allowed"
  | "only-counted"
  | "price-per-token"
  | "price-unknown"
  | "readable-secret"
  | "reserved-name"
  | "too-large"
  | "uncreatable-path"
  | "unproven"
  | "unknown-group"
  | "unknown-key"
  | "unknown-model"
  | "unknown-project"
  | "unknown-provider"
  | "unknown-reference"
  | "unknown-tag"
  | "unknown-user"
  | "unranked-tier"
  | "unreadable-file"
  | "unused-key"
  | "wrong-type"
  | "yaml-syntax"

/** Never holds a secret, nor any value that came in through `${…}`. */
export interface Finding {
  readonly severity: Severity
  readonly code: FindingCode
  /** A sentence for the operator. */
  readonly message: string
  /** E.g. `models.fast.targets[0].provider`; empty for the file as a whole. */
  readonly path: string
  /** From 1. */
  readonly line: number
  /** From 1. */
  readonly column: number
  /** What should stand there instead. */
  readonly expected?: string
  /** The known word that was probably meant. */
  readonly nearest?: string
}

export interface Position {
  readonly line: number
  readonly column: number
}

/** Where a value stands in the file, and where its key does (a list item has none: then both are the same). */
export interface Place {
  readonly key: Position
  readonly value: Position
}

/** Where what is at a path stands; undefined: it does not stand in the file. */
export interface Places {
  get(path: Path): Place | undefined
}

export const START: Position = { line: 1, column: 1 }

const PLAIN_KEY = /^[A-Za-z0-9_-]+$/
const LONGEST_NAME = 64

/** `models.fast.targets[0]`; keys with other characters are quoted. Unambiguous. */
export function formatPath(path: Path): string {
  let text = ""
  for (const key of path) {
    if (typeof key === "number") text += `[${key}]`
    else if (PLAIN_KEY.test(key)) text += text === "" ? key : `.${key}`
    else text += `[${JSON.stringify(key)}]`
  }
  return text
}

/** A name out of the file for a message: long ones are cut, since they may be something that was pasted by mistake. */
export function quote(name: string): string {
  return name.length > LONGEST_NAME ? `${JSON.stringify(name.slice(0, 12))}…` : JSON.stringify(name)
}

export type Report = (finding: {
  readonly severity?: Severity
  readonly code: FindingCode
  readonly message: string
  readonly path: Path
  /** Points at the key instead of at its value. */
  readonly atKey?: boolean
  /** In place of where the path leads. */
  readonly position?: Position
  readonly expected?: string | undefined
  readonly nearest?: string | undefined
}) => void

/** Collects findings and gives each its position: that of its path, or of the nearest thing around it that stands in the file. */
export function collector(places: Places): { readonly report: Report; readonly all: () => readonly Finding[] } {
  const found = new Map<string, Finding>()
  const report: Report = ({ severity = "error", code, message, path, atKey = false, position, expected, nearest }) => {
    const shown = formatPath(path.map(shortened))
    const finding: Finding = {
      severity,
      code,
      message,
      path: shown,
      ...(position ?? positionOf(places, path, atKey)),
      ...(expected === undefined ? {} : { expected }),
      ...(nearest === undefined ? {} : { nearest }),
    }
    found.set(`${shown}\n${code}\n${message}`, finding)
  }
  return { report, all: () => [...found.values()].toSorted(byPosition) }
}

function byPosition(a: Position, b: Position): number {
  return a.line - b.line || a.column - b.column
}

function shortened(key: string | number): string | number {
  return typeof key === "string" && key.length > LONGEST_NAME ? `${key.slice(0, 12)}…` : key
}

export function positionOf(places: Places, path: Path, atKey = false): Position {
  for (let depth = path.length; depth >= 0; depth -= 1) {
    const place = places.get(path.slice(0, depth))
    if (place !== undefined) return atKey || depth < path.length ? place.key : place.value
  }
  return START
}
