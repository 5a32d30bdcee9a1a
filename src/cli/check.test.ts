import { afterAll, describe, expect, test } from "bun:test"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { runHere, smartRouter } from "../../test/helpers/command-line.ts"
import { FULLER, FULLER_ENV, KEYS, SMALLEST } from "../../test/helpers/load-text.ts"
import type { Finding } from "../config/findings.ts"

const folder = mkdtempSync(join(tmpdir(), "smart-router-check-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function file(name: string, yaml: string): string {
  mkdirSync(join(folder, name), { recursive: true })
  const path = join(folder, name, "config.yaml")
  writeFileSync(path, yaml)
  return path
}

describe("check", () => {
  test("passes the example files", async () => {
    const small = await smartRouter(["check", "--config", file("small", SMALLEST)], { env: KEYS })
    expect([small.code, small.err]).toEqual([0, ""])
    expect(small.out).toContain("The configuration is valid: 0 errors, 1 warning.")
    const fuller = await runHere(["check", "--config", file("fuller", FULLER)], { env: FULLER_ENV })
    expect(fuller.code).toBe(0)
  })

  test("tries the scripts, and says where one is wrong", async () => {
    const yaml = SMALLEST.replace("strategy: static", "strategy: script\n    script: route.ts")
    const path = file("scripted", yaml)
    writeFileSync(join(folder, "scripted/route.ts"), "export function route(ctx) { return { targetIndex: 0 } }")
    expect((await runHere(["check", "--config", path], { env: KEYS })).code).toBe(0)
    writeFileSync(join(folder, "scripted/route.ts"), "export function route(ctx) {\n  return { targetIndex: 0 ]\n}")
    const { code, out } = await runHere(["check", "--config", path], { env: KEYS })
    expect(code).toBe(1)
    expect(out).toContain(`${path}:13:13  error  invalid-script  models.default.script`)
    expect(out).toContain("route.ts:2:27 ")
  })

  test("fails on an error and points at it", async () => {
    const path = file("bad", SMALLEST.replace("strategy: static", "strategy: statik"))
    const { code, out } = await runHere(["check", "--config", path], { env: KEYS })
    expect(code).toBe(1)
    expect(out).toContain(`${path}:12:15  error  invalid-value  models.default.strategy`)
    expect(out).toContain('Did you mean "static"?')
    expect(out).toContain("This is not one of static, failover,")
    expect(out).toContain("The configuration is not valid: 1 error")
  })

  test("speaks JSON for machines", async () => {
    const path = file("json", SMALLEST.replace("strategy: static", "strategy: statik"))
    const { code, out } = await runHere(["check", "--config", path, "--json"], { env: KEYS })
    const report = JSON.parse(out) as {
      readonly ok: boolean
      readonly errors: number
      readonly findings: readonly (Finding & { readonly doc?: string })[]
    }
    expect([code, report.ok, report.errors]).toEqual([1, false, 1])
    expect(report.findings.filter(({ severity }) => severity === "error")).toEqual([
      {
        severity: "error",
        code: "invalid-value",
        doc: "/docs/configuration#models.name.strategy",
        message: expect.stringMatching(/^This is not one of static, .*, external\.$/) as string,
        path: "models.default.strategy",
        line: 12,
        column: 15,
        expected: expect.stringMatching(/^one of static, .*, external$/) as string,
        nearest: "static",
      },
    ])
  })

  test("refuses keys that are not implemented with --strict", async () => {
    const path = file("strict", SMALLEST.replace("  listen:", "  state_path: s.json\n  listen:"))
    const lenient = await runHere(["check", "--config", path], { env: KEYS })
    const strict = await runHere(["check", "--config", path, "--strict"], { env: KEYS })
    expect([lenient.code, strict.code]).toEqual([0, 1])
    expect(strict.out).toContain("error  not-implemented  server.state_path")
  })

  test("takes config.yaml of the folder, and says so when there is none", async () => {
    file("here", SMALLEST)
    expect((await smartRouter(["check"], { cwd: join(folder, "here"), env: KEYS })).code).toBe(0)
    const { code, err } = await smartRouter(["check"], { cwd: folder })
    expect(code).toBe(2)
    expect(err).toContain("--config FILE")
  })

  test("reports a file that is not there as an error of the configuration", async () => {
    const { code, out } = await runHere(["check", "--config", join(folder, "none.yaml")])
    expect(code).toBe(1)
    expect(out).toContain("it does not exist")
  })

  test("prints no secret, in neither form", async () => {
    const path = file("secret", FULLER.replace("base_url: http://127.0.0.1:9001/v1", "base_url: ${ALPHA_KEY}"))
    for (const args of [
      ["check", "--config", path],
      ["check", "--config", path, "--json"],
    ]) {
      const { out, err } = await runHere(args, { env: FULLER_ENV })
      for (const secret of [...Object.values(FULLER_ENV), "a1b2".repeat(16), "A1b2".repeat(16)]) {
        expect(out + err).not.toContain(secret)
      }
    }
  })
})
