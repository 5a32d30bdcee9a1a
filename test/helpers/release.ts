/** A release for tests: the one that SMART_ROUTER_RELEASE names, or one that is built for them. */
import { readdirSync } from "node:fs"
import { join } from "node:path"
import { temporaryFolder } from "./demo-process.ts"

const ROOT = join(import.meta.dir, "../..")

export interface Release extends Disposable {
  readonly folder: string
  readonly version: string
  /** The path of the file whose name ends so. */
  file(end: string): string
  /** Unpacks an archive of it; resolves with the one folder that is in it. */
  unpack(end: string): Promise<string>
}

export async function openRelease(): Promise<Release> {
  const place = temporaryFolder()
  const given = process.env["SMART_ROUTER_RELEASE"]
  const folder = given ?? join(place.path, "release")
  if (given === undefined)
    await succeed([
      process.execPath,
      "scripts/release.ts",
      "--targets",
      "x64,arm64",
      "--base",
      "newest",
      "--out",
      folder,
    ])
  const names = readdirSync(folder)
  const file = (end: string): string => {
    const name = names.find((candidate) => candidate.endsWith(end))
    if (name === undefined) throw new Error(`the release has no …${end}`)
    return join(folder, name)
  }
  const version = /smart-router-(.+)-image\.tar$/.exec(file("-image.tar"))?.[1] ?? ""
  return {
    folder,
    version,
    file,
    async unpack(end) {
      await succeed(["tar", "-xzf", file(end), "-C", place.path])
      return join(place.path, `smart-router-${version}${end.replace(/\.tar\.gz$/, "")}`)
    },
    [Symbol.dispose]: () => place[Symbol.dispose](),
  }
}

/** Runs a program to its end. @throws Error with what it said, when it fails */
export async function succeed(
  command: readonly string[],
  options: { readonly cwd?: string; readonly env?: Readonly<Record<string, string>> } = {},
): Promise<string> {
  const { cwd = ROOT, env } = options
  const child = Bun.spawn([...command], {
    cwd,
    env: env ?? process.env,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  })
  const [out, err] = await Promise.all([child.stdout.text(), child.stderr.text()])
  if ((await child.exited) !== 0) throw new Error(`${command.join(" ")} failed: ${err}${out}`)
  return out
}
