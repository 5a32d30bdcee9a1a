/** The router as it was at an earlier commit, unpacked into a folder of its own: on any machine the ratio to it is what a change did. */
import { existsSync, mkdirSync } from "node:fs"
import { startRouter, type Router } from "./contender-router.ts"
import type { Upstreams } from "./upstreams.ts"

/** @throws Error where the commit is unknown or cannot be unpacked */
export async function startEarlier(
  commit: string,
  upstreams: Upstreams,
  project: string,
  toolFolder: string,
  folder: string,
): Promise<Router> {
  const id = run(project, ["git", "rev-parse", "--verify", "--end-of-options", `${commit}^{commit}`])
  const checkout = `${toolFolder}/earlier/${id}`
  if (!existsSync(`${checkout}/package.json`)) {
    mkdirSync(checkout, { recursive: true })
    run(project, ["sh", "-c", `git archive ${id} | tar -x -C "$1"`, "unpack", checkout])
  }
  // installs the packages of that commit where they are missing
  run(checkout, [`${checkout}/bin/smart-router`, "version"])
  const router = await startRouter(upstreams, { project: checkout, folder, name: "earlier" })
  return { ...router, version: `${id.slice(0, 12)}, ${router.version}` }
}

function run(folder: string, command: readonly string[]): string {
  const { exitCode, stdout, stderr } = Bun.spawnSync([...command], { cwd: folder })
  if (exitCode !== 0) throw new Error(`${command.slice(0, 2).join(" ")}: ${stderr.toString().trim()}`)
  return stdout.toString().trim()
}
