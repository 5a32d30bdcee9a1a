import { afterAll, describe, expect, test } from "bun:test"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { KEYS, SMALLEST } from "../../test/helpers/load-text.ts"
import { sampledByKind, WHOLE } from "../../test/helpers/sample.ts"
import { compile, compileBesides } from "./compile.ts"
import { loadApart, readingOf } from "./load-apart.ts"
import { loadConfig } from "./load.ts"

const folder = mkdtempSync(join(tmpdir(), "smart-router-apart-"))
const path = join(folder, "config.yaml")
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** A file of so many is long enough to be read in pieces, and comes back in several parts. */
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
      const { lineOf, ...here } = readingOf(loadConfig({ path, env: KEYS }))
      const { lineOf: lineThere, ...there } = await loadApart({ path, env: KEYS })
      expect(there).toEqual(here)
      const target = ["models", "default", "targets", 0]
      if (here.config !== null) expect([lineThere(target), lineThere(["server"])]).toEqual([lineOf(target), null])
    }
    rmSync(path)
    expect(await loadApart({ path, env: KEYS })).toMatchObject({ config: null, digest: "", files: [path] })
  })

  test("leaves the loop to others meanwhile", async () => {
    writeFileSync(path, large)
    const reading = loadApart({ path, env: KEYS })
    let turns = 0
    const count = setInterval(() => (turns += 1), 0)
    const { config } = await reading
    clearInterval(count)
    expect(config?.callers).toHaveLength(CALLERS)
    expect(turns).toBeGreaterThan(5)
  })
})

test("a snapshot that is compiled besides is the same, with a pause every few hundred callers", async () => {
  writeFileSync(path, large)
  const { config } = loadConfig({ path, env: KEYS })
  if (config === null) throw new Error("the configuration must be valid")
  let pauses = 0
  const besides = await compileBesides(config, { userAgent: "" }, () => {
    pauses += 1
    return Promise.resolve()
  })
  const { credentials, callerLimits } = compile(config, { userAgent: "" })
  expect(besides.credentials).toEqual(credentials)
  expect(besides.callerLimits).toEqual(callerLimits)
  expect(credentials.size).toBe(CALLERS)
  expect(pauses).toBeGreaterThanOrEqual(Math.floor(CALLERS / 100))
})
