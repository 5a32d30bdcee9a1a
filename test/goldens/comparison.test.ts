/**
 * Another team's translations as a second opinion, read back into the canonical form. Masked ids and times say nothing;
 * neither does the difference between a counter of 0 and none. Every other difference stands in the table of verdicts.
 */
import { describe, expect, test } from "bun:test"
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { join, resolve } from "node:path"
import { isObject, type JsonObject } from "../../src/canonical/json.ts"
import type { Dialect } from "../../src/canonical/origin.ts"
import type { TargetFacts } from "../../src/canonical/target.ts"
import { DIALECTS } from "./cases.ts"
import { DIFFERENCES, type Difference } from "./comparison-verdicts.ts"
import {
  CODECS,
  exact,
  foldedStream,
  goldenFacts,
  readReply,
  writtenReply,
  writtenRequest,
  writtenStream,
} from "./translate.ts"

const FOLDER = resolve(import.meta.dir, "../../../shared/recordings/golden")
const MISSING = !existsSync(FOLDER)
if (MISSING) process.stderr.write("skipped: no recordings beside the repository (golden)\n")

const FILES = MISSING ? [] : readdirSync(FOLDER).filter((file) => file.endsWith(".json"))
const used = new Set<Difference>()

describe.skipIf(MISSING)("another team's golden", () => {
  test.each(FILES)("%s differs from ours only as the verdicts say", (file) => {
    const golden = exact(readFileSync(join(FOLDER, file), "utf8"))
    if (!isObject(golden)) throw new Error("a golden is an object")
    const id = wordsOf(golden["id"]).replace("agentgateway/", "")
    const [ours, theirs] = bothOf(golden)
    const places = [...new Set([...ours.keys(), ...theirs.keys()])].filter((at) => ours.get(at) !== theirs.get(at))
    expect(places.filter((place) => !isExplained(id, place))).toEqual([])
  })

  test("has no verdict without its difference", () => {
    expect(FILES).toHaveLength(53)
    expect(DIFFERENCES.filter((difference) => !used.has(difference))).toEqual([])
  })
})

type Leaves = ReadonlyMap<string, string>

function bothOf(golden: JsonObject): readonly [Leaves, Leaves] {
  const [from, to] = wordsOf(golden["direction"]).split("->").map(dialectOf)
  if (from === undefined || to === undefined) throw new Error("a golden has a direction")
  const { input = null, expected = null } = golden
  const [stream, expectedStream] = [golden["input_sse"], golden["expected_sse"] ?? golden["expected"]]
  if (golden["side"] === "request") {
    const { body } = writtenRequest(input, { from, to }, factsOf(from, to, input))
    return [leavesOf(CODECS[to].readRequest(body).request), leavesOf(CODECS[to].readRequest(expected).request)]
  }
  // what is of no known kind passes as it came
  if (wordsOf(golden["id"]).includes("/detect/"))
    return [leavesOf(timeless(stream)), leavesOf(timeless(expectedStream))]
  if (typeof stream !== "string")
    return [leavesOf(readReply(writtenReply(input, { from, to }).body, to)), leavesOf(readReply(expected, to))]
  const { text } = writtenStream(stream, { from, to })
  return [leavesOf(foldedStream(text, to)), leavesOf(foldedStream(wordsOf(expectedStream), to))]
}

/** Their translations keep the model; their own dialect is not bent. */
function factsOf(from: Dialect, to: Dialect, input: unknown): TargetFacts {
  const facts = { ...goldenFacts(to), model: isObject(input) ? wordsOf(input["model"]) : "" }
  if (from !== to) return facts
  return { ...facts, midSystem: true, reasoning: { ...facts.reasoning, control: "effort_enum" } }
}

function timeless(text: unknown): string {
  return wordsOf(text).replaceAll(/"created_at":\d+/gu, '"created_at":0')
}

const MASKED = /^(?:id|created)$/u

function leavesOf(value: unknown, path = "", leaves = new Map<string, string>()): Leaves {
  if (typeof value === "object" && value !== null) {
    for (const [key, inner] of Object.entries(value)) leavesOf(inner, path === "" ? key : `${path}.${key}`, leaves)
    return leaves
  }
  const isNothing = value === undefined || MASKED.test(path) || (path.startsWith("usage.") && value === 0)
  if (!isNothing) leaves.set(path, JSON.stringify(value))
  return leaves
}

function isExplained(id: string, place: string): boolean {
  const difference = DIFFERENCES.find((one) => {
    return patternOf(one.golden).test(id) && one.places.some((at) => place === at || place.startsWith(`${at}.`))
  })
  if (difference !== undefined) used.add(difference)
  return difference !== undefined
}

function patternOf(glob: string): RegExp {
  return new RegExp(`^${glob.replaceAll(".", "\\.").replaceAll("*", ".*")}$`, "u")
}

function dialectOf(name: string): Dialect {
  const found = DIALECTS.find((dialect) => dialect === name)
  if (found === undefined) throw new Error(`${name} is no dialect`)
  return found
}

function wordsOf(value: unknown): string {
  return typeof value === "string" ? value : ""
}
