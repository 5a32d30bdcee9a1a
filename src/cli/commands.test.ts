import { describe, expect, test } from "bun:test"
import { runHere, smartRouter } from "../../test/helpers/command-line.ts"

describe("the command line", () => {
  test("shows its commands with help", async () => {
    for (const args of [["help"], ["--help"], ["-h"]]) {
      const { code, out } = await runHere(args)
      expect(code).toBe(0)
      for (const name of ["serve", "demo", "init", "check", "schema", "types", "token", "version"])
        expect(out).toContain(`  ${name} `)
    }
  })

  test("shows them on standard error, and fails, when it is given nothing", async () => {
    const { code, out, err } = await smartRouter([])
    expect([code, out]).toEqual([2, ""])
    expect(err).toContain("Usage: smart-router <command>")
  })

  test("names the nearest command", async () => {
    const { code, err } = await runHere(["chekc"])
    expect(code).toBe(2)
    expect(err).toContain('Did you mean "check"?')
    expect((await runHere(["toString"])).code).toBe(2)
  })

  test("names the nearest option", async () => {
    const { code, err } = await runHere(["check", "--confgi", "x"])
    expect(code).toBe(2)
    expect(err).toContain("Did you mean --config?")
  })

  test("refuses arguments that make no sense", async () => {
    for (const args of [
      ["version", "extra"],
      ["version", "--json=yes"],
      ["check", "--config"],
      ["check", "--config", "a", "--config", "b"],
      ["token"],
      ["token", "destroy"],
    ]) {
      expect({ args, code: (await runHere(args)).code }).toEqual({ args, code: 2 })
    }
  })

  test("has help with examples and exit codes for every command", async () => {
    for (const name of [
      "serve",
      "init",
      "check",
      "schema",
      "types",
      "token",
      "health",
      "reload",
      "migrate",
      "backup",
      "restore",
      "version",
    ]) {
      const byOption = await runHere([name, "--help"])
      const byHelp = await runHere(["help", name])
      expect(byOption).toEqual({ ...byHelp, code: 0 })
      expect(byOption.out).toMatch(/Usage: smart-router/)
      expect(byOption.out).toMatch(/Exit codes:/)
      expect(byOption.out).toMatch(/Examples?:/)
    }
  })
})

test("version says what runs", async () => {
  const plain = await runHere(["version"])
  const json = await smartRouter(["version", "--json"])
  const info = JSON.parse(json.out) as Readonly<Record<string, string>>
  expect(Object.keys(info)).toEqual(["version", "commit", "build_time", "runtime", "os", "arch"])
  expect(info["runtime"]).toBe(`bun ${Bun.version}`)
  expect(plain.out).toContain(`smart-router ${info["version"]}`)
})

test("schema prints JSON Schema", async () => {
  const { code, out } = await runHere(["schema"])
  expect(code).toBe(0)
  expect(JSON.parse(out)).toMatchObject({ $schema: "https://json-schema.org/draft/2020-12/schema", type: "object" })
})
