/** The pieces of code in a document, as a reader would copy them. */
import { readFileSync } from "node:fs"
import path from "node:path"

const ROOT = path.resolve(import.meta.dir, "../..")

/** What the documents write for the router's address and for a group. */
const ADDRESS = "http://127.0.0.1:8080"
const GROUP = /\bdefault\b/gu

/** The `index`-th piece in `language` below the heading `section`. */
export function snippetOf(file: string, section: string, language: string, index = 0): string {
  const text = readFileSync(path.join(ROOT, file), "utf8")
  const part = text.split(/^## /mu).find((one) => one.startsWith(`${section}\n`))
  const found = [...(part ?? "").matchAll(/^```(\w+)\n(.*?)^```$/gmsu)].filter(([, name]) => name === language)
  const snippet = found[index]?.[2]
  if (snippet === undefined) throw new Error(`${file} has no ${language} number ${index} under "${section}"`)
  return snippet
}

/** The same with a running router's address and a group of it. */
export function applied(snippet: string, { url, group }: { readonly url: string; readonly group: string }): string {
  return snippet.replaceAll(ADDRESS, url).replaceAll(GROUP, group)
}

/** The table "Tried with": client to version. */
export function triedVersions(file: string): Readonly<Record<string, string>> {
  const text = readFileSync(path.join(ROOT, file), "utf8")
  const part = text.split(/^## /mu).find((one) => one.startsWith("Tried with\n")) ?? ""
  const rows = [...part.matchAll(/^\| ([^|]+) \| (\d[^|]*) \|$/gmu)]
  return Object.fromEntries(rows.map(([, client = "", version = ""]) => [client, version]))
}
