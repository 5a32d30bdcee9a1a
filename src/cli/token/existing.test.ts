/** token list, rotate and revoke on files; what a running router makes of it is in test/promises/admin/token-commands.test.ts. */
import { afterAll, expect, test } from "bun:test"
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { runHere } from "../../../test/helpers/command-line.ts"
import { KEYS, SMALLEST } from "../../../test/helpers/load-text.ts"
import { loadConfig } from "../../config/load.ts"
import { readConfiguration } from "../../config/reading.ts"

const folder = mkdtempSync(join(tmpdir(), "smart-router-tokens-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const ID = "rtr_me_lab_dev_k1"
let count = 0
function file(yaml: string): string {
  count += 1
  const path = join(folder, `config-${count}.yaml`)
  writeFileSync(path, yaml)
  return path
}

const SECOND = `  - id: second # the other one
    owner_user: me
    project: lab
    environment: prod
    status: suspended
    token_sha256: ${"ef01".repeat(16)}
    token_expires_at: "2999-01-01"
    tokens:
      - { token_sha256: ${"ab12".repeat(16)}, token_id: old, expires_at: "2020-01-31T00:00:00Z" } # gone
`

test("list prints a table without hashes", async () => {
  const { code, out } = await runHere(["token", "list", "--config", file(SMALLEST + SECOND)])
  expect(code).toBe(0)
  expect(out).toBe(
    `${[
      "TOKEN_ID           CALLER  PROJECT  ENV   STATUS     EXPIRES               ALLOW",
      "rtr_me_lab_dev_k1  me-lab  lab      dev   active     never                 default",
      "-                  second  lab      prod  suspended  2999-01-01            -",
      "old                second  lab      prod  suspended  2020-01-31T00:00:00Z  -",
    ].join("\n")}\n`,
  )
  const one = await runHere(["token", "list", "--config", file(SMALLEST + SECOND), "--caller", "second", "--json"])
  expect((JSON.parse(one.out) as { readonly tokens: readonly unknown[] }).tokens).toHaveLength(2)
  expect((await runHere(["token", "list", "--config", file(SMALLEST), "--caller", "nobody"])).code).toBe(1)
})

test("rotate keeps comments and all other bytes, and the new entry loads", async () => {
  const path = file(`# head\n${SMALLEST}${SECOND.replace("suspended", "active")}# tail\n`)
  const before = readFileSync(path, "utf8")
  const { code, out } = await runHere([
    "token",
    "rotate",
    "old",
    "--config",
    path,
    "--key",
    "k9",
    "--expires-in",
    "90d",
  ])
  expect([code, out]).toEqual([0, expect.stringContaining("is refused from now on")])
  const after = readFileSync(path, "utf8")
  const added = after.split("\n").filter((line) => !before.includes(line))
  expect(added.map((line) => line.trim().split(":")[0])).toEqual(["- token_sha256", "token_id", "expires_at"])
  expect(before.split("\n").filter((line) => !after.includes(line))).toEqual([])
  const tokens = loadConfig({ path, env: KEYS }).config?.callers[1]?.tokens
  // it had expired before: rotation never brings a token back
  expect(tokens?.[0]).toMatchObject({ token_id: "old", expires_at: "2020-01-31T00:00:00Z" })
  expect(tokens?.[1]).toMatchObject({ token_id: "rtr_me_lab_prod_k9" })
  expect(existsSync(`${path}.lock`)).toBe(false)
})

test("revoke only moves an end forward that is set already", async () => {
  const path = file(
    SMALLEST +
      SECOND.replace(`token_expires_at: "2999-01-01"`, `token_id: late\n    token_expires_at: "2999-01-01" # far`),
  )
  expect((await runHere(["token", "revoke", "late", "--config", path])).code).toBe(0)
  expect(readFileSync(path, "utf8")).toMatch(/token_expires_at: "20\d\d-\d\d-\d\dT[\d:]+Z" # far\n/u)
  const before = readFileSync(path, "utf8")
  expect((await runHere(["token", "revoke", "old", "--config", path])).code).toBe(0)
  expect(readFileSync(path, "utf8")).toBe(before)
})

test("a token that is not there changes nothing; what was typed is not repeated, it may be a raw token", async () => {
  const path = file(SMALLEST)
  for (const action of ["rotate", "revoke"]) {
    const secret = "s3cret".repeat(7)
    const { code, out, err } = await runHere(["token", action, `${ID}_${secret}`, "--config", path])
    expect([code, out]).toEqual([1, ""])
    expect(err).toContain(`Did you mean "${ID}"?`)
    expect(err).not.toContain(secret)
  }
  expect(readFileSync(path, "utf8")).toBe(SMALLEST)
})

test("create adds a line to the callers file, and what is missing to the configuration, whose comments stay", async () => {
  const path = file(`# head\n${SMALLEST}callers_file: callers-of.jsonl # many\n`)
  const lines = join(folder, "callers-of.jsonl")
  writeFileSync(lines, "")
  const words = ["create", "--owner-user", "you", "--project", "lab", "--env", "x", "--allow", "default"]
  const refused = await runHere(["token", ...words, "--write", path])
  expect([refused.code, refused.err]).toEqual([1, expect.stringContaining('There is no user "you".')])
  expect(readFileSync(lines, "utf8")).toBe("")
  const added = await runHere(["token", ...words, "--write", path, "--add-missing"])
  expect([added.code, added.out]).toEqual([0, expect.stringContaining("with entries in users, project_memberships")])
  expect(readFileSync(path, "utf8")).toMatch(/^# head\n[^]*callers_file: \S+ # many\n/)
  const { findings, callers } = await readConfiguration({ path, env: KEYS })
  expect(findings.filter(({ severity }) => severity === "error")).toEqual([])
  expect([...(callers?.table.callerLimits.keys() ?? [])]).toEqual(["me-lab", "you-lab-x"])
  expect((await runHere(["token", "list", "--config", path])).out).toContain("rtr_you_lab_x_k1")
})

test("wrong arguments end with exit code 2", async () => {
  const path = file(SMALLEST)
  for (const args of [
    ["token", "revoke", "--config", path],
    ["token", "rotate", ID, "--config", path, "--grace", "soon"],
    ["token", "rotate", ID, "another", "--config", path],
    ["token", "list", "--config", path, "--jsno"],
    ["token", "remove", ID],
  ]) {
    expect((await runHere(args)).code).toBe(2)
  }
})

test("another command's lock is respected, one of a process that is gone is not", async () => {
  const path = file(SMALLEST)
  const ended = Bun.spawnSync(["true"])
  writeFileSync(`${path}.lock`, String(ended.pid))
  expect((await runHere(["token", "revoke", ID, "--config", path])).code).toBe(0)
  writeFileSync(`${path}.lock`, String(process.pid))
  const waiting = runHere(["token", "revoke", ID, "--config", path])
  const first = await Promise.race([waiting.then(() => "the command"), Bun.sleep(120).then(() => "the clock")])
  expect(first).toBe("the clock")
  rmSync(`${path}.lock`)
  expect((await waiting).code).toBe(0)
})

test("every action has help with examples and exit codes", async () => {
  for (const action of ["create", "list", "rotate", "revoke"]) {
    const { code, out } = await runHere(["token", action, "--help"])
    expect(code).toBe(0)
    expect(out).toContain(`Usage: smart-router token ${action}`)
    expect(out).toContain("Exit codes:")
    expect(out).toMatch(/Examples?:/u)
  }
})
