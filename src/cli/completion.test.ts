/** The scripts, run by the shells that they are made for; a shell that is not here is skipped, and named. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { runHere } from "../../test/helpers/command-line.ts"

let folder = ""
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "completion-"))
  const program = join(folder, "smart-router")
  const main = resolve(import.meta.dir, "../main.ts")
  writeFileSync(program, `#!/bin/sh\nexec "${process.execPath}" --no-env-file "${main}" "$@"\n`)
  chmodSync(program, 0o755)
})
afterAll(() => rmSync(folder, { recursive: true }))

const script = async (shell: string): Promise<string> => (await runHere(["completion", shell])).out

async function said(command: readonly string[], input: string): Promise<readonly string[]> {
  const child = Bun.spawn([...command], {
    env: { PATH: `${folder}:${process.env["PATH"] ?? ""}`, HOME: folder },
    stdin: new TextEncoder().encode(input),
    stdout: "pipe",
    stderr: "pipe",
  })
  const [out, err] = await Promise.all([child.stdout.text(), child.stderr.text()])
  await child.exited
  expect(err).toBe("")
  return out.split(/\s+/).filter((word) => word !== "")
}

describe("bash", () => {
  const completed = async (...words: readonly string[]): Promise<readonly string[]> =>
    said(
      ["bash", "--noprofile", "--norc"],
      `${await script("bash")}
compopt() { :; }
COMP_WORDS=(smart-router ${words.map((word) => `'${word}'`).join(" ")})
COMP_CWORD=${words.length}
_smart_router
printf '%s\\n' "\${COMPREPLY[@]}"`,
    )

  test("completes commands, options and words of commands", async () => {
    expect(await completed("re")).toEqual(["replay", "report", "retention", "reload", "restore"])
    expect(await completed("help", "back")).toEqual(["backup"])
    expect(await completed("serve", "--")).toEqual(["--config", "--help", "--pid-file", "--strict"])
    expect(await completed("migrate", "pl")).toEqual(["plan"])
    expect(await completed("nonsense", "--")).toEqual([])
  })
})

for (const shell of ["zsh", "fish"]) {
  test.skipIf(Bun.which(shell) === null)(`${shell} takes its script`, async () => {
    expect(await said([shell, "-n"], await script(shell))).toEqual([])
  })
}

test("a shell that is not known is refused", async () => {
  expect(await runHere(["completion", "tcsh"])).toMatchObject({ code: 2 })
})
