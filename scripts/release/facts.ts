/** The facts that a build says about itself. */
import { readFileSync } from "node:fs"
import { join } from "node:path"

const ROOT = join(import.meta.dir, "../..")

export interface BuildFacts {
  readonly version: string
  /** The first 12 digits, with `-changed` where the checkout holds more than the commit; `unknown` outside of a checkout. */
  readonly commit: string
  /** ISO 8601, UTC. */
  readonly time: string
}

/**
 * Follows SOURCE_DATE_EPOCH (https://reproducible-builds.org/docs/source-date-epoch/), so that a build can be repeated.
 *
 * @param ofCommit the time is that of the commit where the variable is not set
 */
export function buildFacts(ofCommit: boolean): BuildFacts {
  const { version } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { readonly version: string }
  const isChanged = git("status", "--porcelain", "--untracked-files=no") !== ""
  const commit = git("rev-parse", "--short=12", "HEAD")
  const seconds = process.env["SOURCE_DATE_EPOCH"] ?? (ofCommit ? git("log", "-1", "--format=%ct") : undefined)
  return {
    version,
    commit: commit === undefined ? "unknown" : `${commit}${isChanged ? "-changed" : ""}`,
    time: new Date(seconds === undefined ? Date.now() : Number(seconds) * 1000).toISOString(),
  }
}

function git(...args: readonly string[]): string | undefined {
  try {
    const run = Bun.spawnSync(["git", ...args], { cwd: ROOT, stderr: "ignore" })
    return run.exitCode === 0 ? run.stdout.toString().trim() : undefined
  } catch {
    return undefined
  }
}
