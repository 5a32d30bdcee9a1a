/** The runtimes that binaries are made of: packages of npm, each of one version, each checked by its integrity. */
import { createHash } from "node:crypto"
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { run } from "./run.ts"

/** Follows the `bun` of package.json; `scripts/release/runtimes.test.ts` compares it with package-lock.json. */
export const RUNTIME_VERSION = "1.4.5"

/** By target: the package, the sha512 of its tarball as `npm view PACKAGE@VERSION dist.integrity` prints it, and the bundler's name for it. */
export const RUNTIMES = {
  x64: {
    package: "@oven/bun-linux-x64",
    bundlerTarget: "bun-linux-x64-modern",
    integrity: "sha512-IWX9BELoGHAUtMonkeSaNaZwXzRk+oDw6Mk+HBFXd3KHYIBNBsIGRupMZPcgNoDbJpLu6gAJjIoIVPZtt1aJ1g==",
  },
  "x64-baseline": {
    package: "@oven/bun-linux-x64-baseline",
    bundlerTarget: "bun-linux-x64-baseline",
    integrity: "sha512-s8yMwYcFnnrA178gji0gZbkE2WVDej/Ti1x770oPfihxyRxSMNhGhiAQNXV53aDeraZxksdvKV/RAdQBCd0qPA==",
  },
  arm64: {
    package: "@oven/bun-linux-aarch64",
    bundlerTarget: "bun-linux-arm64",
    integrity: "sha512-4BXmsSKnjOrlGWqZV4x/oWa7AVoR+B6lCXddMzOAXBIm3t50eslg9wb66gmtW1AamEQ1l1CDvmmruysEhqOWMg==",
  },
  "x64-musl": {
    package: "@oven/bun-linux-x64-musl",
    bundlerTarget: "bun-linux-x64-musl",
    integrity: "sha512-10QoW/YfTgnURaGEaHpJCiXjLI2e5iTtfVDaA5JKcyUzaa1cq6cVUY9/Uq5XkYzvtRjHLRe9Oj/lTDIQcxy8HQ==",
  },
  "arm64-musl": {
    package: "@oven/bun-linux-aarch64-musl",
    bundlerTarget: "bun-linux-arm64-musl",
    integrity: "sha512-XCNc+WvvMAdNNb+OWTogpy+N9wm62fkVeEVLb6how0RZhW5LPi6c7BlkeVCuWps7XjEl2saFpHFa20/1E+PAHg==",
  },
} as const

export type Target = keyof typeof RUNTIMES
export const TARGETS: readonly Target[] = Object.keys(RUNTIMES) as Target[]

/** The machine of a binary: the bundler writes architecture and system into it. */
export interface Runtime {
  /** The path of the executable. */
  readonly path: string
  readonly bundlerTarget: Bun.Build.CompileTarget | undefined
}

/** The runtime that runs this. */
export const OWN_RUNTIME: Runtime = { path: process.execPath, bundlerTarget: undefined }

export function isTarget(text: string): text is Target {
  return Object.hasOwn(RUNTIMES, text)
}

const CACHE = join(import.meta.dir, "../../node_modules/.cache/smart-router")

/**
 * Unpacks the runtime of a target into `folder`, and resolves with it. The tarball comes from npm once.
 *
 * @throws Error when npm has no such package, or its tarball is another one
 */
export async function unpackRuntime(target: Target, folder: string): Promise<Runtime> {
  const tarball = await fetchTarball(target)
  await run(["tar", "-xzf", tarball, "-C", folder, "--strip-components=1", "package/bin/bun"])
  return { path: join(folder, "bin", "bun"), bundlerTarget: RUNTIMES[target].bundlerTarget }
}

async function fetchTarball(target: Target): Promise<string> {
  const { package: name, integrity } = RUNTIMES[target]
  const kept = join(CACHE, `${name.slice(name.indexOf("/") + 1)}-${RUNTIME_VERSION}.tgz`)
  if (existsSync(kept) && integrityOf(kept) === integrity) return kept
  const folder = mkdtempSync(join(tmpdir(), "smart-router-runtime-"))
  try {
    await run(["npm", "pack", "--silent", "--pack-destination", folder, `${name}@${RUNTIME_VERSION}`])
    const [file] = readdirSync(folder)
    if (file === undefined) throw new Error(`npm has no ${name}@${RUNTIME_VERSION}`)
    const found = integrityOf(join(folder, file))
    if (found !== integrity) throw new Error(`${name}@${RUNTIME_VERSION} has the integrity ${found}, not ${integrity}`)
    mkdirSync(CACHE, { recursive: true })
    await run(["cp", join(folder, file), `${kept}.${process.pid}`])
    renameSync(`${kept}.${process.pid}`, kept)
    return kept
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function integrityOf(file: string): string {
  return `sha512-${createHash("sha512").update(readFileSync(file)).digest("base64")}`
}
