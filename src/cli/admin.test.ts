/** `smart-router admin hash-password`: a hash that lets its password in, and nothing else on any stream. */
import { expect, test } from "bun:test"
import { join } from "node:path"
import { runHere, smartRouter } from "../../test/helpers/command-line.ts"
import { sampled } from "../../test/helpers/sample.ts"

const MAIN = join(import.meta.dir, "../main.ts")

/** Each case is a process of its own. */
const PASSWORDS = sampled(
  [
    ["correct horse battery\n", "correct horse battery"],
    ["correct horse battery", "correct horse battery"],
    ["pässwörter sind länger\r\nund mehr", "pässwörter sind länger"],
    ["ü".repeat(36), "ü".repeat(36)],
  ] as const,
  1,
)
const NO_PASSWORDS = sampled(
  [
    ["", "too short"],
    ["short\n", "too short"],
    ["x".repeat(73), "too long"],
    ["ü".repeat(37), "too long"],
    ["with a\ttab inside", "control character"],
  ] as const,
  1,
)

test.each([...PASSWORDS])("the hash of a piped %j lets its password in", async (stdin, password) => {
  const { code, out, err } = await smartRouter(["admin", "hash-password", "--cost", "10"], { stdin })
  expect([code, err]).toEqual([0, ""])
  expect(out).toMatch(/^\$2b\$10\$[./A-Za-z0-9]{53}\n$/u)
  expect(await Bun.password.verify(password, out.trim(), "bcrypt")).toBe(true)
  expect(await Bun.password.verify(`${password}\n`, out.trim(), "bcrypt")).toBe(false)
})

test.each([...NO_PASSWORDS])("a piped %j cannot be a password", async (stdin, expected) => {
  const { code, out, err } = await smartRouter(["admin", "hash-password", "--cost", "10"], { stdin })
  expect([code, out]).toEqual([1, ""])
  expect(err).toContain(expected)
})

test("wrong arguments end with exit code 2", async () => {
  for (const args of [["--cost", "9"], ["--cost", "15"], ["--cost", "ten"], ["--password", "x"], ["more"]]) {
    const { code, out } = await runHere(["admin", "hash-password", ...args])
    expect([args, code, out]).toEqual([args, 2, ""])
  }
  expect((await runHere(["admin"])).code).toBe(2)
  expect((await runHere(["admin", "hash"])).code).toBe(2)
})

/** Types into a terminal of its own. */
async function typing(...lines: readonly string[]): Promise<{ readonly code: number; readonly shown: string }> {
  let shown = ""
  let asked = 0
  const left = [...lines]
  const child = Bun.spawn([process.execPath, "--no-env-file", MAIN, "admin", "hash-password", "--cost", "10"], {
    terminal: {
      cols: 200,
      rows: 20,
      data: (terminal, bytes) => {
        shown += new TextDecoder().decode(bytes)
        const prompts = shown.match(/Password: |Once more: /gu)?.length ?? 0
        if (prompts <= asked) return
        asked = prompts
        terminal.write(left.shift() ?? "")
      },
    },
  })
  const code = await child.exited
  return { code, shown }
}

test("a terminal is asked for the password twice, and does not show it", async () => {
  const { code, shown } = await typing("correct horsx\u007fe battery\r", "correct horse battery\r")
  expect(code).toBe(0)
  const hash = /\$2b\$10\$\S{53}/u.exec(shown)?.[0] ?? ""
  expect(await Bun.password.verify("correct horse battery", hash, "bcrypt")).toBe(true)
  expect(shown).not.toContain("horse")
})

test("a terminal gets no hash for two passwords that differ, and none after Control-C", async () => {
  const differing = await typing("correct horse battery\r", "correct horse buttery\r")
  expect([differing.code, differing.shown]).toEqual([1, expect.stringContaining("not the same")])
  const stopped = await typing("correct hor\u0003")
  expect([stopped.code, stopped.shown.includes("$2b$")]).toEqual([1, false])
})
