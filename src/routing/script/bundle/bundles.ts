/** The bundles of scripts: made in a process of its own, and made anew only when a file of theirs has changed. */
import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import type { Timers } from "../../../system/clock.ts"
import type { Bundled } from "./bundler.ts"
import { stampOf } from "./resolve.ts"

/** Known to src/cli/commands.ts, and to nobody else. */
export const BUNDLE_COMMAND = "bundle-scripts-of-parent"
/** For all scripts of a configuration; each takes some ten milliseconds. */
export const MOST_MS = 60_000
const MOST_MEMORY_BYTES = 805_306_368
const LOOK_EVERY_MS = 20
const PAGE_BYTES = 4096

/** The program starts itself: inside the binary there are no files to start. */
const COMMAND: readonly string[] = [
  process.execPath,
  ...(import.meta.url.includes("/$bunfs/")
    ? []
    : [
        "--no-env-file",
        "--config=/dev/null",
        "--no-install",
        fileURLToPath(new URL("../../../main.ts", import.meta.url)),
      ]),
  BUNDLE_COMMAND,
]

export interface BundleOptions {
  /** What starts the process. */
  readonly command: readonly string[]
  /** It is ended after so long. */
  readonly mostMs: number
  /** It is ended when it holds more. */
  readonly memoryBytes: number
}

const USUAL: BundleOptions = { command: COMMAND, mostMs: MOST_MS, memoryBytes: MOST_MEMORY_BYTES }

export class Bundles {
  private readonly timers: Pick<Timers, "after" | "every">
  private readonly options: BundleOptions
  private readonly known = new Map<string, Bundled>()
  /** How often a process was started. */
  runs = 0

  /** @param timers watch over the process */
  constructor(timers: Pick<Timers, "after" | "every">, options: Partial<BundleOptions> = {}) {
    this.timers = timers
    this.options = { ...USUAL, ...options }
  }

  /** By the script's path. Rejects never; what is wrong stands in the bundle. */
  async of(scripts: readonly string[]): Promise<ReadonlyMap<string, Bundled>> {
    const changed = [...new Set(scripts)].filter((script) => !isCurrent(this.known.get(script)))
    for (const [script, bundle] of await this.made(changed)) this.known.set(script, bundle)
    return this.known
  }

  private async made(scripts: readonly string[]): Promise<readonly (readonly [string, Bundled])[]> {
    if (scripts.length === 0) return []
    this.runs++
    const made = await bundledApart(scripts, this.options, this.timers)
    if (typeof made !== "string") return scripts.map((script, index) => [script, made[index] ?? refused("")] as const)
    if (scripts.length === 1) return scripts.map((script) => [script, refused(made)] as const)
    // one of them is to blame
    const each: (readonly [string, Bundled])[] = []
    for (const script of scripts) each.push(...(await this.made([script])))
    return each
  }
}

/** Without stamps it is not kept. */
function refused(message: string): Bundled {
  return { code: null, message, files: [], stamps: [] }
}

function isCurrent(bundle: Bundled | undefined): boolean {
  if (bundle === undefined || bundle.stamps.length === 0) return false
  return bundle.stamps.every(([path, stamp]) => stampOf(path) === stamp)
}

/** A text: why there is nothing, and what to do. */
async function bundledApart(
  scripts: readonly string[],
  options: BundleOptions,
  timers: Pick<Timers, "after" | "every">,
): Promise<readonly Bundled[] | string> {
  let end = ""
  try {
    await using child = Bun.spawn([...options.command], {
      env: {},
      cwd: "/",
      stdin: "pipe",
      stdout: "pipe",
      stderr: "ignore",
    })
    const stop = (why: string): void => {
      end ||= why
      child.kill("SIGKILL")
    }
    const late = timers.after(options.mostMs, () => stop(`it was not bundled within ${options.mostMs / 1000} s`))
    const looking = timers.every(LOOK_EVERY_MS, () => {
      if (memoryOf(child.pid) > options.memoryBytes)
        stop(`bundling it took more than ${Math.floor(options.memoryBytes / 1e6)} MB of memory`)
    })
    try {
      // stays open: its end tells the child that this process is gone
      void child.stdin.write(`${JSON.stringify({ scripts })}\n`)
      void child.stdin.flush()
      const text = await child.stdout.text()
      const code = await child.exited
      if (code === 0) return JSON.parse(text) as readonly Bundled[]
      end ||= `the process that bundles it ended with ${child.signalCode ?? code}`
      return `${end}: import less, or smaller packages, and try it with \`smart-router check\``
    } finally {
      late.close()
      looking.close()
    }
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    return `the process that bundles it cannot be started (${why}): the router must be allowed to start ${options.command[0]}`
  }
}

/** Resident; 0 where the system does not tell. */
function memoryOf(pid: number): number {
  try {
    return Number(readFileSync(`/proc/${pid}/statm`, "utf8").split(" ")[1]) * PAGE_BYTES
  } catch {
    return 0
  }
}
