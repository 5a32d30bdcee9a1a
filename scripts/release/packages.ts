/** The files of a package: those of a folder, with the version put in where they say `@VERSION@`. */
import { readdirSync, readFileSync, statSync } from "node:fs"
import { join } from "node:path"
import type { TarEntry } from "./tar.ts"

/** In the order of their names, folders first. `under` is a folder of the archive; empty: its top. */
export function folderEntries(folder: string, under: string, version: string): TarEntry[] {
  const inside = (name: string): string => (under === "" ? name : `${under}/${name}`)
  const entries = readdirSync(folder)
    .toSorted()
    .flatMap((name): TarEntry[] => {
      const path = join(folder, name)
      const { mode } = statSync(path)
      if (statSync(path).isDirectory()) return folderEntries(path, inside(name), version)
      const content = readFileSync(path, "utf8").replaceAll("@VERSION@", version)
      return [{ path: inside(name), content, mode: (mode & 0o100) === 0 ? 0o644 : 0o755 }]
    })
  return under === "" ? entries : [{ path: `${under}/`, mode: 0o755 }, ...entries]
}
