import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { runHere } from "../../test/helpers/command-line.ts"

const folder = mkdtempSync(join(tmpdir(), "smart-router-init-"))
const place = join(folder, "new", "router")
const config = join(place, "config.yaml")
const modeOf = (name: string) => statSync(join(place, name)).mode & 0o777

beforeAll(async () => {
  expect((await runHere(["init", place])).code).toBe(0)
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe("init", () => {
  test("writes files and folders that only their owner can read where secrets may come", () => {
    expect(readdirSync(place).toSorted()).toEqual([
      "config.yaml",
      "env.json",
      "logs",
      "smart-router.schema.json",
      "state",
    ])
    expect([modeOf("env.json"), modeOf("state"), modeOf("logs")]).toEqual([0o600, 0o700, 0o700])
  })

  test("names the schema in the first line, and the schema is there", () => {
    const [first] = readFileSync(config, "utf8").split("\n")
    expect(first).toBe("# yaml-language-server: $schema=./smart-router.schema.json")
    expect(JSON.parse(readFileSync(join(place, "smart-router.schema.json"), "utf8"))).toHaveProperty("$defs")
  })

  test("says exactly what is left to fill in", async () => {
    const { code, out } = await runHere(["check", "--config", config, "--json"])
    const { findings } = JSON.parse(out) as { readonly findings: readonly { severity: string; message: string }[] }
    expect(code).toBe(1)
    expect(findings.filter(({ severity }) => severity === "error").map(({ message }) => message)).toEqual([
      "OPENAI_API_KEY has no value.",
    ])
  })

  test("needs nothing but the key and a token", async () => {
    const env = { OPENAI_API_KEY: "sk-test-0123456789" }
    expect((await runHere(["check", "--config", config], { env })).code).toBe(0)
    const create = [
      "token",
      "create",
      "--owner-user",
      "me",
      "--project",
      "lab",
      "--env",
      "dev",
      "--allow",
      "default",
      "--write",
      config,
    ]
    expect((await runHere(create)).code).toBe(0)
    const { code, out } = await runHere(["check", "--config", config], { env })
    expect(code).toBe(0)
    expect(out).not.toContain("no-callers")
  })

  test("destroys nothing: --force renews the schema and adds what is missing", async () => {
    writeFileSync(join(place, "env.json"), '{"MINE": "1"}')
    const refused = await runHere(["init", place])
    expect(refused.code).toBe(1)
    expect(refused.err).toContain("env.json")
    expect(readFileSync(join(place, "env.json"), "utf8")).toBe('{"MINE": "1"}')
    const schema = join(place, "smart-router.schema.json")
    const newest = readFileSync(schema, "utf8")
    writeFileSync(schema, "{}")
    const mine = readFileSync(config, "utf8")
    expect(mine).toContain("token_sha256")
    const { code, out } = await runHere(["init", place, "--force"])
    expect([code, out]).toEqual([0, `Written: ${schema}\n`])
    expect(readFileSync(join(place, "env.json"), "utf8")).toBe('{"MINE": "1"}')
    expect(readFileSync(config, "utf8")).toBe(mine)
    expect([readFileSync(schema, "utf8"), readFileSync(`${schema}.bak`, "utf8")]).toEqual([newest, "{}"])
    rmSync(join(place, "env.json"))
    expect((await runHere(["init", place, "--force"])).code).toBe(0)
    expect(readFileSync(join(place, "env.json"), "utf8")).toContain("OPENAI_API_KEY")
    expect(modeOf("env.json")).toBe(0o600)
  })
})
