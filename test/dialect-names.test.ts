/** A dialect owns its wire: code outside of the dialects' folders asks `WIRES`, and compares no names of dialects. */
import { describe, expect, test } from "bun:test"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { importGraph } from "./helpers/import-graph.ts"
import { DIALECT_NAMES, WIRES, WIRES_BY_ORIGIN } from "../src/dialects/wires.ts"

const SOURCE = join(import.meta.dir, "../src")
/** The demo provider plays a stranger, with words of its own. */
const OWN_WORDS = /^(?:demo|dialects\/(?:chat|responses|messages))\/|\.test\.ts$|\.d\.ts$/

const NAME = `"(?:${[...DIALECT_NAMES, ...Object.keys(WIRES_BY_ORIGIN)].join("|")})"`
const ENTRY = "(?:DIALECTS|CHAT|RESPONSES|MESSAGES)\\b"
const EQUALS = "[!=]==?"
const COMPARISON = new RegExp(
  [
    `${EQUALS}\\s*(?:${NAME}|${ENTRY})`,
    `(?:${NAME}|${ENTRY}[\\w.\\[\\]"-]*)\\s*${EQUALS}`,
    `case\\s+${NAME}`,
    `(?:${NAME}[^\\]\\n]*\\]|"openai-)\\s*\\)?\\.(?:includes|has|indexOf)\\(`,
    `\\.(?:startsWith|endsWith|includes)\\(${NAME}`,
  ].join("|"),
  "g",
)
/** A dialect named by the word of the configuration, as a value or as a key. */
const NAMED = new RegExp(
  `"(?:${DIALECT_NAMES.join("|")})"|^\\s*anthropic:|\\b(?:CODECS|DIALECTS|WIRES)\\.anthropic\\b`,
  "m",
)

/** Files that name a dialect, each with its reason. A new dialect changes those whose reason begins with "all". */
const NAMING: Readonly<Record<string, string>> = {
  "dialects/name.ts": "all: the names",
  "dialects/registry.ts": "all: dialects and codecs",
  "dialects/wires.ts": "all: wire facts",
  "config/config.ts": "all: generated types",
  "metrics/closed-lists.ts": "all: values of a label; metrics import no dialect",
  "routing/script/script-types.ts": "all: the types that authors of scripts read",
  "config/compile/known-targets.ts": "facts about vendors",
  "catalogue/price-list.ts": "names of vendors in price lists",
  "config/check/issues.ts": "a word that people write for the vendor's",
  "config/check/contract-checks.ts": "the usual dialect, where a provider is missing",
  "cli/request-file.ts": "the usual dialect",
  "cli/import/litellm-providers.ts": "what another gateway's providers speak",
  "cli/import/litellm-deployment.ts": "a prefix of another gateway, and the usual dialect in a sentence",
  "sample/company.ts": "made-up programs and models",
  "admin/explain.ts": "the usual dialect",
  "server/administrators.ts": "the shape of errors for administrators",
  "server/routes.ts": "the owners of stored responses and counts, and the usual shape of errors",
  "pipeline/aside/stored-responses.ts": "an endpoint of one vendor",
  "pipeline/aside/count-tokens.ts": "an endpoint of one vendor",
  "pii/request-places.ts": "where texts stand in each dialect",
  "pii/stream-texts.ts": "where texts stand in the events of each dialect",
  "pipeline/apart/small-frames.ts": "all: where events of a stream hold long texts",
}

const FILES = readdirSync(SOURCE, { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".ts") && !OWN_WORDS.test(file))
  .map((file) => ({ file, text: readFileSync(join(SOURCE, file), "utf8") }))

describe("comparisons", () => {
  test.each([
    `if (dialect === "openai-chat") return`,
    `return "messages" !== origin`,
    `switch (name) { case "anthropic": }`,
    `["openai-chat", "openai-responses"].includes(dialect)`,
    `if (target.dialect === MESSAGES.name) return`,
    `if (DIALECTS["openai-chat"] === dialect) return`,
    `name.startsWith("anthropic")`,
  ])("are found: %s", (line) => {
    expect(line.match(COMPARISON)).not.toBeNull()
  })

  test.each([
    `DIALECTS["openai-chat"]`,
    `WIRES[dialect].hasChoices`,
    `type === "message"`,
    `{ messages: "responses" }`,
  ])("are not found in %s", (line) => {
    expect(line.match(COMPARISON)).toBeNull()
  })

  test("with a dialect's name stand in no file outside of the dialects' folders", () => {
    expect(FILES.length).toBeGreaterThan(300)
    expect(
      FILES.flatMap(({ file, text }) => (text.match(COMPARISON) ?? []).map((found) => `${file}: ${found}`)),
    ).toEqual([])
  })
})

test("no other files name a dialect than those that have a reason", () => {
  const naming = FILES.filter(({ text }) => NAMED.test(text)).map(({ file }) => file)
  expect(naming.toSorted()).toEqual(Object.keys(NAMING).toSorted())
})

test("wire facts are data: what they import holds no codec", () => {
  const graph = importGraph(SOURCE)
  const reached = new Set(["dialects/wires.ts"])
  for (const file of reached) for (const next of graph.get(file) ?? []) reached.add(next)
  expect(reached.size).toBeGreaterThan(DIALECT_NAMES.length)
  const allowed = /^(?:canonical\/(?:origin|json)|dialects\/(?:name|openai-headers|wires|(?:\w+\/)?wire-facts))\.ts$/
  expect([...reached].filter((file) => !allowed.test(file))).toEqual([])
})

test("dialects share no origin, shape or path of the router", () => {
  const wires = DIALECT_NAMES.map((name) => WIRES[name])
  const said = wires.flatMap(({ origin, apiShape, paths, countPaths }) => [origin, apiShape, ...paths, ...countPaths])
  expect(new Set(said).size).toBe(said.length)
  for (const wire of wires) expect(WIRES_BY_ORIGIN[wire.origin]).toBe(wire)
})
