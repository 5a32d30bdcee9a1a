/** `exports` and `imports` of a package.json: https://nodejs.org/api/packages.html#conditional-exports */

const CONDITIONS: ReadonlySet<string> = new Set(["browser", "module", "import", "require", "default"])

/** `name`: `.`, `./sub/path` or `#own`. Null: the package has nothing under that name. */
export function targetIn(table: unknown, name: string): string | null {
  if (!isTable(table) || !Object.keys(table).some((key) => /^[.#]/.test(key)))
    return name === "." ? chosen(table, "") : null
  if (Object.hasOwn(table, name)) return chosen(table[name], "")
  let longest = ""
  for (const key of Object.keys(table)) {
    const [before = "", after] = key.split("*")
    if (after === undefined || !name.startsWith(before) || !name.endsWith(after)) continue
    if (name.length >= before.length + after.length && before.length >= longest.indexOf("*")) longest = key
  }
  if (longest === "") return null
  const [before = "", after = ""] = longest.split("*")
  return chosen(table[longest], name.slice(before.length, name.length - after.length))
}

/** The first condition that holds, in the order of the file. */
function chosen(target: unknown, part: string): string | null {
  if (typeof target === "string") return target.replaceAll("*", () => part)
  if (Array.isArray(target)) {
    for (const one of target as readonly unknown[]) {
      const found = chosen(one, part)
      if (found !== null) return found
    }
    return null
  }
  if (!isTable(target)) return null
  for (const [condition, value] of Object.entries(target)) {
    const found = CONDITIONS.has(condition) ? chosen(value, part) : null
    if (found !== null) return found
  }
  return null
}

function isTable(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value)
}
