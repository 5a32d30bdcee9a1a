/** `bin/smart-router` on a machine that has only Node.js and npm; npm is a stand-in here, so that no network is needed. */
import { describe, expect, test } from "bun:test"
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs"
import { join } from "node:path"
import { temporaryFolder } from "./helpers/demo-process.ts"

const ROOT = join(import.meta.dir, "..")

interface Checkout {
  readonly root: string
  readonly run: (
    args: readonly string[],
    options?: { readonly program?: string; readonly cwd?: string },
  ) => Promise<Result>
  /** What npm was asked for, one line per call. */
  readonly npmCalls: () => readonly string[]
}

interface Result {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** What the stand-in for npm does; `$root` is the checkout. */
const INSTALLS =
  'mkdir -p node_modules/.bin; ln -sf "$REAL_BUN" node_modules/.bin/bun; touch node_modules/.package-lock.json'
/** So slow that another start comes while it installs. */
const INSTALLS_SLOWLY = `sleep 0.5; ${INSTALLS}`
/** As with `--ignore-scripts`: the runtime is there only after its own install script. */
const INSTALLS_WITHOUT_SCRIPTS = `mkdir -p node_modules/.bin node_modules/bun
printf '#!/bin/sh\\nexit 1\\n' > node_modules/.bin/bun; chmod +x node_modules/.bin/bun
printf 'require("fs").rmSync("../.bin/bun"); require("fs").symlinkSync(process.env.REAL_BUN, "../.bin/bun")' > node_modules/bun/install.js
touch node_modules/.package-lock.json`

function checkout(folder: string, npm: string): Checkout {
  const root = join(folder, "a check out")
  for (const path of ["bin", "scripts", "src"]) mkdirSync(join(root, path), { recursive: true })
  for (const file of ["bin/smart-router", "scripts/bootstrap.sh", "package.json", "package-lock.json"]) {
    copyFileSync(join(ROOT, file), join(root, file))
  }
  writeFileSync(
    join(root, "src/main.ts"),
    "console.log(JSON.stringify({ args: process.argv.slice(2), cwd: process.cwd(), env: process.env }))",
  )
  const tools = join(folder, "tools")
  mkdirSync(tools)
  const log = join(folder, "npm.log")
  writeFileSync(join(tools, "npm"), `#!/bin/sh\necho "$@" >> '${log}'\necho "npm talks on standard output"\n${npm}\n`)
  chmodSync(join(tools, "npm"), 0o755)
  return {
    root,
    npmCalls: () => (existsSync(log) ? readFileSync(log, "utf8").trim().split("\n") : []),
    async run(args, { program = join(root, "bin/smart-router"), cwd = folder } = {}) {
      const env = { PATH: `${tools}:${process.env["PATH"]}`, REAL_BUN: process.execPath }
      const child = Bun.spawn([program, ...args], { cwd, env, stdout: "pipe", stderr: "pipe" })
      const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()])
      return { code: await child.exited, stdout, stderr }
    },
  }
}

describe("bin/smart-router", () => {
  test("installs once, keeps standard output clean, and hands the arguments over", async () => {
    using folder = temporaryFolder()
    const { run, npmCalls } = checkout(folder.path, INSTALLS)
    const first = await run(["schema", "two words"])
    expect(first.stderr).toContain("installing packages")
    expect(first.code).toBe(0)
    expect(JSON.parse(first.stdout).args).toEqual(["schema", "two words"])
    const second = await run([])
    expect(second.stderr).toBe("")
    expect(npmCalls()).toHaveLength(1)
    expect(npmCalls()[0]).toStartWith("ci --omit=dev")
  })

  test("works through symbolic links, and takes nothing from the folder that it is started in", async () => {
    using folder = temporaryFolder()
    const { root, run } = checkout(folder.path, INSTALLS)
    const elsewhere = join(folder.path, "elsewhere")
    mkdirSync(elsewhere)
    writeFileSync(join(elsewhere, ".env"), "FROM_DOTENV=1\n")
    writeFileSync(join(elsewhere, "bunfig.toml"), 'preload = ["./missing.ts"]\n')
    symlinkSync(join(root, "bin/smart-router"), join(folder.path, "link"))
    symlinkSync("../link", join(elsewhere, "smart-router"))
    const { code, stdout } = await run([], { program: "./smart-router", cwd: elsewhere })
    expect(code).toBe(0)
    const seen = JSON.parse(stdout)
    expect(seen.cwd).toBe(elsewhere)
    expect(seen.env).toMatchObject({ BUN_CONFIG_MAX_HTTP_REQUESTS: "65336" })
    expect(seen.env).not.toHaveProperty("FROM_DOTENV")
    symlinkSync(join(root, "bin"), join(elsewhere, "bin"))
    expect((await run([], { program: "bin/smart-router", cwd: elsewhere })).code).toBe(0)
  })

  test("installs once when it is started several times at once", async () => {
    using folder = temporaryFolder()
    const { root, run, npmCalls } = checkout(folder.path, INSTALLS_SLOWLY)
    const results = await Promise.all([run(["a"]), run(["b"]), run(["c"])])
    expect(results.map(({ code }) => code)).toEqual([0, 0, 0])
    expect(results.map(({ stdout }) => JSON.parse(stdout).args[0])).toEqual(["a", "b", "c"])
    expect(npmCalls()).toHaveLength(1)
    expect(existsSync(join(root, ".install.lock"))).toBe(false)
  })

  test("takes over a lock whose owner is gone", async () => {
    using folder = temporaryFolder()
    const { root, run } = checkout(folder.path, INSTALLS)
    const gone = Bun.spawn(["true"])
    await gone.exited
    mkdirSync(join(root, ".install.lock"))
    writeFileSync(join(root, ".install.lock/pid"), `${gone.pid}\n`)
    expect((await run([])).code).toBe(0)
  })

  test("installs again after a changed package-lock.json, not after a touched one", async () => {
    using folder = temporaryFolder()
    const { root, run, npmCalls } = checkout(folder.path, INSTALLS)
    await run([])
    const later = new Date(Date.now() + 60_000)
    utimesSync(join(root, "package-lock.json"), later, later)
    await run([])
    expect(npmCalls()).toHaveLength(1)
    writeFileSync(join(root, "package-lock.json"), "{}\n")
    utimesSync(join(root, "package-lock.json"), later, later)
    await run([])
    expect(npmCalls()).toHaveLength(2)
  })

  test("makes up for an npm that runs no install scripts", async () => {
    using folder = temporaryFolder()
    const { code, stderr } = await checkout(folder.path, INSTALLS_WITHOUT_SCRIPTS).run([])
    expect([code, stderr.includes("does not start")]).toEqual([0, false])
  })

  test("tells of an npm that fails in a clear sentence, with exit code 1 and no lock left", async () => {
    using folder = temporaryFolder()
    const { root, run } = checkout(folder.path, "exit 7")
    const { code, stdout, stderr } = await run([])
    expect([code, stdout]).toEqual([1, ""])
    expect(stderr).toContain("npm could not install the packages")
    expect(existsSync(join(root, ".install.lock"))).toBe(false)
  })
})
