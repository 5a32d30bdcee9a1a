/** Findings about a configuration, for people. */
import type { Finding } from "../config/findings.ts"
import { configSchema } from "../config/schema/config-schema.ts"
import { anchorOf, describedBlocks } from "../config/schema/described.ts"
import { readTextFile } from "../config/read/sources.ts"
import { excerpt } from "./source-excerpt.ts"

export function counts(findings: readonly Finding[]): Readonly<Record<"errors" | "warnings" | "infos", number>> {
  const count = (severity: Finding["severity"]) => findings.filter((finding) => finding.severity === severity).length
  return { errors: count("error"), warnings: count("warning"), infos: count("info") }
}

const DESCRIBED = describedBlocks(configSchema)

export interface Shown {
  /** The page about the configuration: of a router that is known, else as a path of every router. */
  readonly page?: string | null
  /** The lines of the file, for a terminal: each finding then shows its own. Null: they are not shown. */
  readonly source?: readonly string[] | null
}

/** Where the page about the configuration describes the key of a finding; null: the finding is about no key. */
export function docOf({ path }: Finding, page: string | null = null): string | null {
  const anchor = anchorOf(configSchema, path, DESCRIBED)
  return anchor === null ? null : `${page ?? "/docs/configuration"}#${anchor}`
}

/** The lines of a configuration, for a terminal; null: the stream is none, or the file cannot be read. */
export function sourceFor(stream: Pick<NodeJS.WriteStream, "isTTY">, file: string): readonly string[] | null {
  if (!stream.isTTY) return null
  try {
    return readTextFile(file).split(/\r?\n/u)
  } catch {
    return null
  }
}

/** Findings as people read them; those about inactive keys last, as a list. */
export function pretty(file: string, findings: readonly Finding[], shown: Shown = {}): string {
  const inactive = findings.filter((finding) => finding.code === "not-active")
  const lines = findings
    .filter((finding) => finding.code !== "not-active")
    .flatMap((finding) => linesOf(file, finding, shown))
  if (inactive.length > 0) {
    lines.push("", "Accepted, not active yet (nothing enforces these keys):")
    lines.push(
      ...inactive.map(({ line, column, path, message }) => `  ${file}:${line}:${column}  ${path}${valuePart(message)}`),
    )
  }
  const { errors, warnings } = counts(findings)
  const verdict = errors === 0 ? "The configuration is valid" : "The configuration is not valid"
  return [
    ...lines,
    ...(lines.length > 0 ? [""] : []),
    `${verdict}: ${plural(errors, "error")}, ${plural(warnings, "warning")}.`,
  ].join("\n")
}

function linesOf(file: string, finding: Finding, { page, source }: Shown): readonly string[] {
  const { severity, code, message, path, line, column, expected, nearest } = finding
  const place = path === "" ? "" : `  ${path}`
  const doc = docOf(finding, page)
  const text = source?.[line - 1]
  return [
    `${file}:${line}:${column}  ${severity}  ${code}${place}`,
    ...(text === undefined || path === "callers_file" || (path === "" && code !== "yaml-syntax")
      ? []
      : excerpt(text, finding).map((part) => `    ${part}`)),
    `    ${message}`,
    ...(nearest === undefined ? [] : [`    Did you mean ${JSON.stringify(nearest)}?`]),
    ...(expected === undefined || message.includes(expected) ? [] : [`    Expected: ${expected}.`]),
    ...(doc === null ? [] : [`    See ${doc}`]),
  ]
}

/** The part of the message that is more than the key's name: its value, or how many places there are. */
function valuePart(message: string): string {
  const value = /: (.+) is accepted/.exec(message)?.[1]
  const more = / \((\d+ more places?)\)/.exec(message)?.[1]
  return `${value === undefined ? "" : `: ${value}`}${more === undefined ? "" : ` (and ${more})`}`
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`
}
