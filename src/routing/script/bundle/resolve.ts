/**
 * Finds what a script's files import: files and packages inside the script's real folder, and nothing else. Each path that
 * it looks at is kept with its stamp, so that a later change is noticed, also of a file that is not there yet.
 */
import { readFileSync, realpathSync, statSync } from "node:fs"
import { dirname, join, relative, resolve, sep } from "node:path"
import { targetIn } from "./package-exports.ts"

const CODE = /\.[cm]?[jt]s$/
const JSON_FILE = /\.json$/
const ENDINGS = ["", ".ts", ".mts", ".cts", ".js", ".mjs", ".cjs", ".json"] as const

export const IS_FOLDER = "folder"
const OUTSIDE = "it lies outside of the script's folder: import only what is in there, symbolic links included"

/** What tells two states of a file apart; empty: there is none. */
export function stampOf(path: string): string {
  try {
    const found = statSync(path, { bigint: true })
    const { dev, ino, size, mtimeNs, ctimeNs } = found
    if (found.isDirectory()) return IS_FOLDER
    return [dev, ino, size, mtimeNs, ctimeNs].join(":")
  } catch {
    return ""
  }
}

export class Resolver {
  /** The real folder of the script, without a slash at its end. */
  readonly folder: string
  readonly stamps: Map<string, string> = new Map()

  /** @throws Error when the script cannot be read */
  constructor(script: string) {
    this.stamps.set(script, stampOf(script))
    this.folder = dirname(realpathSync(script))
  }

  /** The real path. @throws Error that says why it cannot be imported */
  resolve(specifier: string, importer: string): string {
    const found = /^(?:\.{1,2}(?:\/|$)|\/)/.test(specifier)
      ? this.path(resolve(dirname(importer), specifier))
      : this.package(specifier, dirname(importer))
    if (found === null) throw new Error(`${JSON.stringify(specifier)} cannot be found`)
    return this.allowed(found)
  }

  /** The real path of a file that a script may consist of. @throws Error */
  allowed(path: string): string {
    const real = realpathSync(path)
    const inside = relative(this.folder, real)
    if (!isInside(inside)) throw new Error(OUTSIDE)
    const isPackage = inside.split(sep).includes("node_modules")
    if (!CODE.test(real) && !(isPackage && JSON_FILE.test(real)))
      throw new Error(
        "it is no code: a script may import .ts, .mts, .cts, .js, .mjs and .cjs, and packages their .json",
      )
    if (!statSync(real).isFile()) throw new Error("it is not a file")
    return real
  }

  /** A later change of this file is one of the script. */
  watch(path: string): void {
    if (!this.stamps.has(path)) this.stamps.set(path, stampOf(path))
  }

  private path(base: string): string | null {
    return this.file(base) ?? this.directory(base)
  }

  private file(base: string): string | null {
    // TypeScript writes the name that a file will have once it is compiled
    const source = base.replace(/\.([cm]?)js$/, ".$1ts")
    for (const path of [...ENDINGS.map((ending) => base + ending), ...(source === base ? [] : [source])])
      if (this.look(path)?.isDirectory() === false) return path
    return null
  }

  private directory(base: string): string | null {
    if (this.look(base)?.isDirectory() !== true) return null
    const { module, main } = this.manifest(base)
    for (const entry of [module, main])
      if (typeof entry === "string") {
        const path = resolve(base, entry)
        const found = this.file(path) ?? this.file(join(path, "index"))
        if (found !== null) return found
      }
    return this.file(join(base, "index"))
  }

  /** Looks in the `node_modules` of every folder from there up to the script's. */
  private package(specifier: string, from: string): string | null {
    if (specifier.startsWith("#")) return this.ownImport(specifier, from)
    const [, name = "", rest = ""] = /^((?:@[^/]+\/)?[^/]+)(.*)$/.exec(specifier) ?? []
    for (const folder of this.upwards(from)) {
      const base = join(folder, "node_modules", name)
      if (this.look(base)?.isDirectory() !== true) continue
      const { exports } = this.manifest(base)
      if (exports === undefined) return this.path(join(base, rest))
      const target = targetIn(exports, `.${rest}`)
      return target === null ? null : this.file(resolve(base, target))
    }
    return null
  }

  private ownImport(specifier: string, from: string): string | null {
    for (const folder of this.upwards(from)) {
      const { imports } = this.manifest(folder)
      const target = imports === undefined ? null : targetIn(imports, specifier)
      if (target === null) continue
      return target.startsWith("./") ? this.file(resolve(folder, target)) : this.package(target, folder)
    }
    return null
  }

  private upwards(from: string): readonly string[] {
    const folders: string[] = []
    for (let folder = from; folder.startsWith(this.folder); folder = dirname(folder)) {
      folders.push(folder)
      if (folder === dirname(folder)) break
    }
    return folders
  }

  private manifest(folder: string): Manifest {
    const path = join(folder, "package.json")
    if (this.look(path)?.isFile() !== true) return {}
    if (!isInside(relative(this.folder, realpathSync(path)))) throw new Error(OUTSIDE)
    try {
      return (JSON.parse(readFileSync(path, "utf8")) ?? {}) as Manifest
    } catch (error) {
      throw new Error(`${relative(this.folder, path)} cannot be read as JSON`, { cause: error })
    }
  }

  /** Never at what lies outside of the folder. */
  private look(path: string): ReturnType<typeof statSync> | null {
    if (!isInside(relative(this.folder, path))) throw new Error(OUTSIDE)
    this.watch(path)
    return statSync(path, { throwIfNoEntry: false }) ?? null
  }
}

function isInside(path: string): boolean {
  return path !== ".." && !path.startsWith(`..${sep}`)
}

interface Manifest {
  readonly module?: unknown
  readonly main?: unknown
  readonly exports?: unknown
  readonly imports?: unknown
}
