import { afterAll, describe, expect, test } from "bun:test"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { errorsOf, KEYS, loadText, SMALLEST } from "../../../test/helpers/load-text.ts"
import { loadConfig } from "../load.ts"

const codes = (yaml: string) => errorsOf(loadText(yaml, { env: KEYS })).map(({ code }) => code)

describe("a hostile file", () => {
  test("is refused for aliases that multiply", () => {
    const levels = Array.from({ length: 20 }, (_, level) => {
      const item = level === 0 ? "x" : `*a${level - 1}`
      return `a${level}: &a${level} [${Array.from({ length: 10 }, () => item).join(", ")}]`
    })
    expect(
      codes(`server:\n  cors:\n    allow_origins:\n${levels.map((line) => `      - { ${line} }`).join("\n")}\n`),
    ).toContain("too-large")
  })

  test("is refused for merges that multiply", () => {
    const levels = Array.from({ length: 30 }, (_, level) =>
      level === 0 ? "- &m0 { k: 1 }" : `- &m${level} { <<: [*m${level - 1}, *m${level - 1}], k${level}: 1 }`,
    )
    expect(
      codes(`server:\n  cors:\n    allow_origins:\n${levels.map((line) => `      ${line}`).join("\n")}\n`),
    ).toContain("too-large")
  })

  test("is refused for an alias of what holds it", () => {
    expect(codes("users: &u [*u]\n")).toContain("yaml-syntax")
    expect(codes("server: &s { <<: *s }\n")).toContain("yaml-syntax")
  })

  test("is refused for an alias of nothing", () => {
    expect(codes("users: *nothing\n")).toEqual(["yaml-syntax"])
  })

  test("is refused for nesting without end", () => {
    expect(codes(`users: ${"[".repeat(20_000)}`)[0]).toMatch(/^(too-large|yaml-syntax)$/)
    expect(codes(`nobody-knows: ${"[".repeat(3000)}${"]".repeat(3000)}`)[0]).toMatch(/^(too-large|unknown-key)$/)
    expect(codes(`users: ${"[".repeat(500)}${"]".repeat(500)}`)[0]).toMatch(/^(too-large|yaml-syntax)$/)
  })

  test("is read although one mapping has very many keys", () => {
    const users = Array.from(
      { length: 1000 },
      (_, index) => `  k${index}: { base_url: "http://h/", dialect: anthropic }`,
    )
    expect(codes(`providers:\n${users.join("\n")}\n`)).toEqual([])
  })

  test("is refused for names that objects have", () => {
    for (const name of ["__proto__", "constructor", "toString", "hasOwnProperty"]) {
      expect(codes(`providers:\n  ${name}: { base_url: "http://h/", dialect: anthropic }\n`)).toEqual(["reserved-name"])
    }
    expect(codes("server: { __proto__: { listen: x } }")).toEqual(["reserved-name"])
    expect(Object.keys({}.constructor.prototype)).toEqual([])
  })

  test("is refused for two documents, other versions, tags and tabs", () => {
    expect(codes(`${SMALLEST}---\n${SMALLEST}`)).toContain("yaml-syntax")
    expect(codes(`%YAML 1.1\n---\n${SMALLEST}`)).toEqual(["yaml-syntax"])
    expect(codes("users: !!js/function 'x'\n")).toContain("yaml-syntax")
    expect(codes("server:\n\tlisten: x\n")).toContain("yaml-syntax")
  })

  test("is refused for keys that are no texts", () => {
    expect(codes("? [a, b]\n: c\n")).toEqual(["yaml-syntax"])
    expect(codes("? \n: c\n")).toEqual(["yaml-syntax"])
  })

  test("is refused when it is no mapping at all", () => {
    for (const yaml of ["just a text\n", "- a\n- b\n", "42\n"]) expect(codes(yaml)).toEqual(["wrong-type"])
  })

  test("has its syntax errors reported where they stand", () => {
    const open = loadText('server:\n  listen: "127.0.0.1\nusers: []\n').findings
    expect(open).toMatchObject([{ code: "yaml-syntax", line: 2, column: 11 }])
    expect(loadText("server:\n  cors: { allow_origins: [ }\n").findings[0]).toMatchObject({
      code: "yaml-syntax",
      line: 2,
    })
  })
})

test("a file that cannot be read is a finding", () => {
  const result = loadConfig({ path: "/does/not/exist.yaml", env: {} })
  expect(result).toMatchObject({ config: null, findings: [{ code: "unreadable-file", line: 1, column: 1 }] })
})

describe("a file on disk", () => {
  const folder = mkdtempSync(join(tmpdir(), "smart-router-config-"))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))
  const reasonFor = (bytes: Uint8Array) => {
    const path = join(folder, "config.yaml")
    writeFileSync(path, bytes)
    return loadConfig({ path, env: KEYS }).findings[0]
  }

  test("may begin with a byte order mark", () => {
    expect(reasonFor(Buffer.from(`\ufeff${SMALLEST}`))?.severity).not.toBe("error")
  })

  test("is refused when it is not UTF-8", () => {
    expect(reasonFor(Buffer.from([0x61, 0x3a, 0xff, 0xfe]))).toMatchObject({
      code: "unreadable-file",
      message: expect.stringContaining("UTF-8"),
    })
  })

  test("is not even read when it is far too large", () => {
    expect(reasonFor(Buffer.alloc(65 * 1024 * 1024, "a"))).toMatchObject({
      code: "unreadable-file",
      message: expect.stringContaining("64 MiB"),
    })
  })

  test("is told where its callers belong, where there are too many of them", () => {
    const yaml = `${SMALLEST.slice(0, SMALLEST.indexOf("callers:"))}callers: [${"1, ".repeat(10_001)}]\n`
    const found = errorsOf(loadText(yaml, { env: KEYS })).filter(({ code }) => code === "too-large")
    expect(found).toMatchObject([
      {
        path: "callers",
        message: "There are more than 10,000 callers here.",
        expected: "a `callers_file` that holds them",
      },
    ])
  })

  test("is told where its callers belong, where it is too long", () => {
    const found = reasonFor(Buffer.from(`${SMALLEST}#${" ".repeat(8 << 20)}\n`))
    expect(found).toMatchObject({ code: "too-large", message: expect.stringContaining("callers_file") })
  })

  test("is told the bounds where it holds too many values, or nests too deeply", () => {
    expect(reasonFor(Buffer.from(`users: ${"[".repeat(80)}${"]".repeat(80)}`))).toMatchObject({
      message:
        "The file holds more than 1,000,000 values (50,000 of them through aliases), or is nested deeper than 64 levels.",
    })
  })
})
