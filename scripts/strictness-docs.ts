/** The part of docs/decisions/0004-own-http.md that lists where we refuse what llhttp reads, written from what the comparison allows. */
import { STRICTER } from "../test/http/stricter.ts"

const BEGIN = "<!-- Generated from test/http/stricter.ts by `npm run docs`: begin -->"
const END = "<!-- end -->"

/** The page with its generated part as the code has it. @throws Error where the page has no place for it */
export function withStrictness(page: string): string {
  const [begin, end] = [page.indexOf(BEGIN), page.indexOf(END)]
  if (begin < 0 || end < begin) throw new Error("docs/decisions/0004-own-http.md has no place for the table")
  const rows = Object.entries(STRICTER).map(([refusal, reason]) => `| ${refusal} | ${reason} |`)
  const table = ["| refused with | although llhttp reads it, because |", "|---|---|", ...rows].join("\n")
  return `${page.slice(0, begin + BEGIN.length)}\n\n${table}\n\n${page.slice(end)}`
}
