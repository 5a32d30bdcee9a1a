import { afterAll, describe, expect, test } from "bun:test"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { KEYS, SMALLEST } from "../../test/helpers/load-text.ts"
import { sampledByKind, WHOLE } from "../../test/helpers/sample.ts"
import { compile } from "./compile/compile.ts"
import { readApart } from "./load-apart.ts"
import { loadConfig } from "./load.ts"
import { readConfiguration } from "./reading.ts"

const folder = mkdtempSync(join(tmpdir(), "smart-router-apart-"))
const path = join(folder, "config.yaml")
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** So many are taken over in several steps. */
const CALLERS = WHOLE ? 1050 : 450

function callers(rpm: (index: number) => string): string {
  const [head = ""] = SMALLEST.split("callers:")
  const entries = Array.from({ length: CALLERS }, (_, index) => {
    const hash = index.toString(16).padStart(64, "0")
    return `  - { id: c${index}, owner_user: me, project: lab, environment: dev, token_sha256: "${hash}", allow: [default], rate: { rpm: ${rpm(index)} } }`
  })
  return `${head}callers:\n${entries.join("\n")}\n`
}

const large = callers((index) => (index % 2 === 0 ? "0" : String(index)))

describe("a configuration that is read in a thread of its own", () => {
  test("says the same as one that is read here, whole or refused", async () => {
    writeFileSync(join(folder, "secret"), "sk-from-a-file\n")
    const texts = [
      SMALLEST.replace("${OPENAI_API_KEY}", "${file:secret}"),
      large,
      callers((index) => (index % 500 === 7 ? "many" : "1")),
      "callers: [\n",
      "",
    ]
    for (const text of sampledByKind(texts, (one) => [one.length > 65_536 ? "long" : "short"], 2)) {
      writeFileSync(path, text)
      const { lineOf, ...here } = await readConfiguration({ path, env: KEYS })
      const { lineOf: lineThere, ...there } = await readApart({ path, env: KEYS })
      expect(there).toEqual(here)
      const target = ["models", "default", "targets", 0]
      if (here.config !== null) expect([lineThere(target), lineThere(["server"])]).toEqual([lineOf(target), null])
    }
    rmSync(path)
    expect(await readApart({ path, env: KEYS })).toMatchObject({ config: null, digest: "", files: [path] })
  })

  test("leaves the loop to others meanwhile", async () => {
    writeFileSync(path, large)
    const reading = readApart({ path, env: KEYS })
    let turns = 0
    const count = setInterval(() => (turns += 1), 0)
    const { callers: read } = await reading
    clearInterval(count)
    expect(read?.count).toBe(CALLERS)
    expect(turns).toBeGreaterThan(5)
  })
})

test("callers that are read besides are those that a list holds, and those that stayed are taken over", async () => {
  writeFileSync(path, large)
  const first = await readApart({ path, env: KEYS })
  const { config } = loadConfig({ path, env: KEYS })
  if (config === null || first.callers === null) throw new Error("the configuration must be valid")
  const { credentials, callerLimits, limitedSubjects } = compile(config, { userAgent: "" })
  expect(new Map(first.callers.table.credentials)).toEqual(new Map(credentials))
  expect(new Map(first.callers.table.callerLimits)).toEqual(new Map(callerLimits))
  expect(new Map(first.callers.table.limitedSubjects)).toEqual(new Map(limitedSubjects))
  writeFileSync(path, large.replace("rpm: 7 }", "rpm: 8 }"))
  const { callers: next } = await readApart({ path, env: KEYS, before: first.callers })
  const changed = [...(next?.table.credentials ?? [])].filter(
    ([hash, { caller }]) => first.callers?.table.credentials.get(hash)?.caller !== caller,
  )
  expect(changed.map(([, { caller }]) => caller.id)).toContain("c7")
  expect(changed.length).toBeLessThan(CALLERS / 2)
})
