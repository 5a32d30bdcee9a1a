/** A line of the configuration with a caret below the place of a finding. It shows no value that may be a secret. */
import type { Finding } from "../config/findings.ts"
import { configSchema } from "../config/schema/config-schema.ts"
import { isSecret } from "../config/schema/inspect.ts"
import { parsePath } from "../config/schema/described.ts"

const LONGEST = 100
const BEFORE = 60
/** Longer keys may be something that was pasted by mistake. */
const LONGEST_NAME = 64

/** Keys with their colon, marks of YAML and comments; the rest of a line are values. */
const PARTS =
  /(?<key>(?:"[^"]*"|'[^']*'|[\p{L}\p{N}_.<-][^\s:,{}[\]"'#]*)\s*:(?=\s|$))|(?<mark>\s+|[{}[\],]|-(?=\s)|[&*!][^\s,{}[\]]*)|(?<note>#.*)|(?<value>"(?:[^"\\]|\\.)*"?|'[^']*'?|[^,{}[\]\s#]+(?:[ \t]+[^,{}[\]\s#]+)*)|./gu

/**
 * The line and the caret. Every value is hidden but the one that the finding is about, and that one too where its key is
 * secret or unknown: it may be a key that was misspelt.
 */
export function excerpt(line: string, { path, column, code }: Finding): readonly [string, string] {
  const isOpen = code !== "yaml-syntax" && path !== "" && !isSecret(configSchema, parsePath(path))
  let text = ""
  let caret = 0
  let keyAt = -1
  for (const match of line.matchAll(PARTS)) {
    const { key, value, note } = match.groups ?? {}
    const isAt = match.index <= column - 1 && column - 1 < match.index + match[0].length
    if (isAt) caret = text.length + (value === undefined && note === undefined ? column - 1 - match.index : 0)
    const isOwn = isOpen && (isAt || keyAt === column - 1)
    if (key !== undefined) keyAt = match.index
    if (note !== undefined) text += "#…"
    else if (key !== undefined && key.length > LONGEST_NAME) text += `${key.slice(0, 12)}…:`
    else if (value !== undefined && !isOwn) text += "…"
    else text += match[0]
  }
  if (column > line.length) caret = text.length
  const start = caret > BEFORE ? caret - BEFORE : 0
  const shown = `${start > 0 ? "…" : ""}${text.slice(start, start + LONGEST)}${text.length > start + LONGEST ? "…" : ""}`
  return [shown.trimEnd(), `${" ".repeat(caret - start + (start > 0 ? 1 : 0))}^`]
}
