import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import path from "node:path"
import { runHere, smartRouter } from "../../test/helpers/command-line.ts"
import { prepare, type Prepared } from "../../test/helpers/config.ts"

setDefaultTimeout(60_000)

const MAIL = "jane.roe@example.com"
let prepared: Prepared
const folder = mkdtempSync(path.join(tmpdir(), "pii-test-"))
const file = path.join(folder, "request.json")

beforeAll(() => {
  prepared = prepare({
    upstreams: { one: { url: "http://127.0.0.1:9" } },
    configure: (config) => {
      const rules = [{ name: "staff", expression: String.raw`\bEMP-\d+\b`, placeholder_prefix: "STAFF" }]
      const { targets } = config.models["default"]!
      config.models["default"]!["pii_filter"] = { enabled: true, mode: "redact_and_restore", rules }
      config.models["blocking"] = { strategy: "static", targets, pii_filter: { enabled: true, fail_on_match: true } }
      config.models["plain"] = { strategy: "static", targets }
    },
  })
  const content = `write to ${MAIL}, EMP-17, ${MAIL}`
  writeFileSync(file, JSON.stringify({ model: "default", messages: [{ role: "user", content }] }))
})
afterAll(() => {
  prepared.remove()
  rmSync(folder, { recursive: true })
})

const pii = (...args: readonly string[]): ReturnType<typeof runHere> =>
  runHere(["pii", "test", "--config", prepared.configPath, ...args], { env: prepared.env })

describe("pii test", () => {
  test("shows what would go on, without any value", async () => {
    const { code, out } = await pii("--file", file)
    expect(code).toBe(0)
    expect(out).toMatch(/email: 2\n {2}staff: 1\n/)
    expect(out).toMatch(/\[EMAIL_[B-Z]{10}\] {2}j… \(20 characters\)/)
    expect(out).toMatch(/"write to \[EMAIL_[B-Z]{10}\], \[STAFF_[B-Z]{10}\], \[EMAIL_[B-Z]{10}\]"/)
    expect(out).not.toContain(MAIL)
    const process = await smartRouter(["pii", "test", "--file", file, "--config", prepared.configPath], {
      env: prepared.env,
    })
    expect([process.code, process.out]).toEqual([0, out])
  })

  test("shows what would be refused, and says it by its exit code", async () => {
    const { code, out } = await pii("--file", file, "--group", "blocking", "--json")
    expect(code).toBe(1)
    expect(JSON.parse(out)).toMatchObject({
      group: "blocking",
      matches: { email: 2 },
      refused_with: "pii-filter-blocked",
      body: null,
    })
    expect(out).not.toContain(MAIL)
  })

  test("says what is missing", async () => {
    expect(await pii("--file", file, "--group", "plain")).toMatchObject({
      code: 1,
      err: expect.stringContaining("has no filter"),
    })
    expect(await pii("--file", file, "--group", "plian")).toMatchObject({
      code: 2,
      err: expect.stringContaining("Did you mean plain?"),
    })
    expect(await pii("--file", path.join(folder, "none"))).toMatchObject({ code: 1 })
    expect(await pii()).toMatchObject({ code: 2 })
    expect(await runHere(["pii"])).toMatchObject({ code: 2, err: expect.stringContaining("Say what to do: test.") })
  })
})
