/**
 * The C library below the binary in an image: five files of Debian's package `libc6`, of one version, checked by their sum.
 * Debian keeps only its newest security update. Once it has another version, a release fails until the pins below are renewed:
 * `scripts/run scripts/release/base.ts` prints them. `npm run release -- --base newest` takes what Debian has, checked by
 * its signatures alone; for continuous integration, which must not fail when Debian publishes an update.
 */
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { run } from "./run.ts"
import { sha256 } from "./tar.ts"

export type Architecture = "amd64" | "arm64"

export type BaseChoice = "pinned" | "newest"

export interface Base {
  readonly version: string
  readonly files: readonly BaseFile[]
  readonly licence: string
}

export interface BaseFile {
  /** Where it lies in the image, without a leading slash. */
  readonly path: string
  readonly content: Buffer
  readonly mode: number
}

const LIBC_VERSION = "2.36-9+deb12u14"
const LIBC_SHA256: Readonly<Record<Architecture, string>> = {
  amd64: "ba4f88f73dbc3ae9055f3c20f4523bfdbaf1ad13ff95e258924f77d20b4fbedf",
  arm64: "01f4330719fd4f65580e16ea5a0527f372fca750e8f588d26deaf09f2d3b1cf4",
}
/** Where programs expect the loader, and the folder of the package's libraries. */
const PLACES: Readonly<Record<Architecture, { readonly loader: string; readonly folder: string }>> = {
  amd64: { loader: "lib64/ld-linux-x86-64.so.2", folder: "lib/x86_64-linux-gnu" },
  arm64: { loader: "lib/ld-linux-aarch64.so.1", folder: "lib/aarch64-linux-gnu" },
}
const LIBRARIES = ["libc.so.6", "libdl.so.2", "libm.so.6", "libpthread.so.0"]
const CACHE = join(import.meta.dir, "../../node_modules/.cache/smart-router")

/** @throws Error where Debian's packages cannot be had, or are other ones */
export async function openBase(architecture: Architecture, choice: BaseChoice): Promise<Base> {
  const folder = mkdtempSync(join(tmpdir(), "smart-router-base-"))
  try {
    const file = await fetchPackage(architecture, choice)
    await run(["dpkg-deb", "--extract", file, folder])
    const version = (await run(["dpkg-deb", "--field", file, "Version"])).trim()
    const { loader, folder: libraries } = PLACES[architecture]
    const read = (path: string): Buffer => readFileSync(join(folder, path))
    const loaderName = loader.slice(loader.lastIndexOf("/") + 1)
    return {
      version,
      files: [
        { path: loader, content: read(`${libraries}/${loaderName}`), mode: 0o755 },
        ...LIBRARIES.map((name) => ({
          path: `${libraries}/${name}`,
          content: read(`${libraries}/${name}`),
          mode: 0o644,
        })),
      ],
      licence: read("usr/share/doc/libc6/copyright").toString(),
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function fetchPackage(architecture: Architecture, choice: BaseChoice): Promise<string> {
  const kept = join(CACHE, `libc6-${choice}-${architecture}.deb`)
  const wanted = LIBC_SHA256[architecture]
  const isWanted = (file: string): boolean => choice === "newest" || sha256(readFileSync(file)) === wanted
  if (choice === "pinned" && existsSync(kept) && isWanted(kept)) return kept
  const folder = mkdtempSync(join(tmpdir(), "smart-router-apt-"))
  try {
    const name = choice === "newest" ? "libc6" : `libc6=${LIBC_VERSION}`
    await run(["apt-get", ...(await foreignApt(architecture, folder)), "download", name], folder)
    const file = readdirSync(folder).find((entry) => entry.endsWith(".deb"))
    if (file === undefined) throw new Error(`Debian has no ${name} for ${architecture}`)
    if (!isWanted(join(folder, file))) throw new Error(`${name} for ${architecture} is not the pinned one`)
    mkdirSync(CACHE, { recursive: true })
    copyFileSync(join(folder, file), kept)
    return kept
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Options of apt with lists of its own for an architecture that this machine need not have: nothing here changes. */
async function foreignApt(architecture: Architecture, folder: string): Promise<string[]> {
  mkdirSync(join(folder, "state/lists/partial"), { recursive: true })
  mkdirSync(join(folder, "cache/archives/partial"), { recursive: true })
  const settings = [
    `APT::Architecture=${architecture}`,
    `APT::Architectures=${architecture}`,
    `APT::Sandbox::User=root`,
    `Dir::State=${folder}/state`,
    `Dir::State::status=/dev/null`,
    `Dir::Cache=${folder}/cache`,
  ]
  const options = settings.flatMap((setting) => ["-o", setting])
  await run(["apt-get", "-qq", ...options, "update"])
  return options
}

/** Prints what Debian has now. */
async function printPins(): Promise<void> {
  for (const architecture of ["amd64", "arm64"] as const) {
    const folder = mkdtempSync(join(tmpdir(), "smart-router-apt-"))
    try {
      const options = await foreignApt(architecture, folder)
      console.log((await run(["apt-get", ...options, "--print-uris", "download", "libc6"], folder)).trim())
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  }
}

if (import.meta.main) await printPins()
