import { expect, test } from "bun:test"
import { runHere } from "../../test/helpers/command-line.ts"
import { commandSummaries } from "./commands.ts"

const GROFF = Bun.which("groff")

test("the manual page has every command with its help", async () => {
  const { code, out } = await runHere(["man"])
  expect(code).toBe(0)
  expect(out).toStartWith(".TH SMART\\-ROUTER 1 ")
  for (const [name, summary] of Object.entries(commandSummaries())) {
    expect(out).toContain(`\n.SH ${name.toUpperCase()}\n.PP\n`)
    expect(out.replaceAll(/\\e|\\/gu, "")).toContain(`.B ${name}\n${summary.replaceAll("'", "(aq")}\n`)
  }
  expect(out).toContain("\\-\\-add\\-missing      with")
  expect(out).toContain("\\-\\-pid\\-file FILE")
})

test.skipIf(GROFF === null)(
  `groff reads it without a complaint${GROFF === null ? " (no groff: apt-get install groff-base)" : ""}`,
  async () => {
    const { out } = await runHere(["man"])
    const input = new TextEncoder().encode(out)
    const { stdout, stderr, exitCode } = Bun.spawnSync([GROFF!, "-man", "-Tascii", "-P-cbou", "-ww"], { stdin: input })
    expect([exitCode, stderr.toString()]).toEqual([0, ""])
    const shown = stdout.toString()
    expect(shown).toContain("--config FILE")
    expect(shown).toContain("smart-router check --config")
  },
)
