/** Findings about a configuration, for people. */
import type { Finding } from "../config/findings.ts"

export function counts(findings: readonly Finding[]): Readonly<Record<"errors" | "warnings" | "infos", number>> {
  const count = (severity: Finding["severity"]) => findings.filter((finding) => finding.severity === severity).length
  return { errors: count("error"), warnings: count("warning"), infos: count("info") }
}

/** Findings as people read them; those about inactive keys last, as a list. */
export function pretty(file: string, findings: readonly Finding[]): string {
  const inactive = findings.filter((finding) => finding.code === "not-active")
  const lines = findings.filter((finding) => finding.code !== "not-active").flatMap((finding) => linesOf(file, finding))
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

function linesOf(
  file: string,
  { severity, code, message, path, line, column, expected, nearest }: Finding,
): readonly string[] {
  const place = path === "" ? "" : `  ${path}`
  return [
    `${file}:${line}:${column}  ${severity}  ${code}${place}`,
    `    ${message}`,
    ...(nearest === undefined ? [] : [`    Did you mean ${JSON.stringify(nearest)}?`]),
    ...(expected === undefined || message.includes(expected) ? [] : [`    Expected: ${expected}.`]),
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
