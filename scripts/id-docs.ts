/** The part of docs/stored-state.md that lists every id which a client can say, written from the tables of the dialects. */
import type { Binding } from "../src/dialects/id-places.ts"
import { DIALECTS } from "../src/dialects/registry.ts"

const BEGIN = "<!-- Generated from src/dialects/*/stored-ids.ts by `npm run docs`: begin -->"
const END = "<!-- end -->"

const WORDS: Readonly<Record<Binding, string>> = {
  refuse: "bound; else 404",
  "leave-out": "bound; else the item is left out",
  hint: "passed on if known; else `null`",
  rename: "passed on if known; else replaced",
  account: "not bound",
  request: "read within the request alone",
}

const NAMES = { "openai-chat": "Chat Completions", "openai-responses": "Responses", anthropic: "Messages" } as const

/** The page with its generated part as the code has it. @throws Error where the page has no place for it */
export function withIdDocs(page: string): string {
  const [begin, end] = [page.indexOf(BEGIN), page.indexOf(END)]
  if (begin < 0 || end < begin) throw new Error("docs/stored-state.md has no place for the table of ids")
  return `${page.slice(0, begin + BEGIN.length)}\n\n${tables()}\n\n${page.slice(end)}`
}

function tables(): string {
  return Object.values(DIALECTS)
    .map(({ name, stored }) => {
      const rows = stored.places.map(({ at, names, condition, binding }) => {
        const what = condition === undefined ? names : `${names}: ${condition}`
        return `| \`${at}\` | ${what} | ${WORDS[binding]} |`
      })
      return [`**${NAMES[name]}**`, "", "| place | names | what becomes of it |", "|---|---|---|", ...rows].join("\n")
    })
    .join("\n\n")
}
