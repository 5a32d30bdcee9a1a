/** The pieces of code in a document, as a reader would copy them. */
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import path from "node:path"
import { tied } from "./children.ts"

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

/** Runs TypeScript beside a folder of packages; gives what it printed. Throws where it ends otherwise than well. */
export async function ran(code: string, packages: string, token: string): Promise<string> {
  const folder = mkdtempSync(path.join(tmpdir(), "smart-router-snippet-"))
  try {
    symlinkSync(packages, path.join(folder, "node_modules"))
    writeFileSync(path.join(folder, "snippet.ts"), code)
    const child = Bun.spawn(tied([process.execPath, "run", path.join(folder, "snippet.ts")]), {
      env: { PATH: process.env["PATH"], HOME: folder, ROUTER_TOKEN: token },
      stdio: ["ignore", "pipe", "pipe"],
    })
    const [status, out, err] = await Promise.all([
      child.exited,
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
    ])
    if (status !== 0) throw new Error(`the snippet ended with ${status}: ${err}`)
    return out
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** The table "Tried with": client to version. */
export function triedVersions(file: string): Readonly<Record<string, string>> {
  const text = readFileSync(path.join(ROOT, file), "utf8")
  const part = text.split(/^## /mu).find((one) => one.startsWith("Tried with\n")) ?? ""
  const rows = [...part.matchAll(/^\| ([^|]+) \| (\d[^|]*) \|$/gmu)]
  return Object.fromEntries(rows.map(([, client = "", version = ""]) => [client, version]))
}
