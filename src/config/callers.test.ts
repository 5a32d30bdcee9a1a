/** Callers of a callers file: what is taken, what is refused, and how that is said. */
import { afterAll, describe, expect, test } from "bun:test"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { KEYS, SMALLEST } from "../../test/helpers/load-text.ts"
import { readConfiguration, type Reading } from "./reading.ts"

const folder = mkdtempSync(join(tmpdir(), "smart-router-callers-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const path = join(folder, "config.yaml")
const lines = join(folder, "callers.jsonl")

type Block = Readonly<Record<string, unknown>>

function caller(number: number, more: Block = {}): Block {
  const token_sha256 = number.toString(16).padStart(64, "0")
  const own = { id: `c${number}`, token_sha256, token_id: `t${number}` }
  return { ...own, owner_user: "me", project: "lab", environment: "dev", allow: ["default"], ...more }
}

const textOf = (callers: readonly Block[]): string => callers.map((one) => `${JSON.stringify(one)}\n`).join("")

async function read(text: string | Uint8Array, yaml: string = SMALLEST, before?: Reading): Promise<Reading> {
  writeFileSync(path, `${yaml}callers_file: callers.jsonl\n`)
  writeFileSync(lines, text)
  return readConfiguration({ path, env: KEYS, before: before?.callers ?? null })
}

const callersIn = ({ callers }: Reading): readonly string[] => [...(callers?.table.callerLimits.keys() ?? [])]
const errorsIn = ({ findings }: Reading): readonly string[] =>
  findings.flatMap(({ severity, message }) => (severity === "error" ? [message] : []))

describe("a callers file", () => {
  test("stands beside the list of the configuration", async () => {
    const reading = await read(textOf([caller(1), caller(2, { rate: { rpm: 5 } })]))
    expect(errorsIn(reading)).toEqual([])
    expect(callersIn(reading)).toEqual(["me-lab", "c1", "c2"])
    const { credentials, callerLimits } = reading.callers?.table ?? {}
    expect(credentials?.get("2".padStart(64, "0"))).toMatchObject({ tokenId: "t2", caller: { id: "c2", user: "me" } })
    expect(callerLimits?.get("c2")?.checks).toMatchObject([{ kind: "rpm", limit: 5 }])
    expect(callerLimits?.get("c1")).toBeNull()
    expect(reading.files).toContain(lines)
  })

  test("means what the same entries mean in the list, defaults and further tokens included", async () => {
    const some = [
      caller(1, { tokens: [{ token_sha256: "a".repeat(64), token_id: "further", expires_at: "2999-01-01" }] }),
      caller(2, { rate: { concurrent: 2 }, quota: { day: { tokens: 7 } }, key: { lifetime_tokens: 9 } }),
      caller(3, { rate: { concurrent: 2 }, quota: { day: { tokens: 7 } }, key: { lifetime_tokens: 9 } }),
      caller(4, { status: "suspended", token_expires_at: "2020-01-31T00:00:00Z", spend: { day_usd: 1 } }),
      caller(5, {
        spend_ceiling: { max_estimated_cost_usd: 1 },
        traffic_shape: { enabled: true, request_start_per_sec: 2 },
      }),
      caller(6, { token_sha256: "AB".repeat(32), metrics_admin: true, tags: { team: "é" } }),
    ]
    const defaults = "  default_caller: { rate: { rpm: 3, concurrent: 8 }, spend: { month_usd: 5 } }\n"
    const yaml = SMALLEST.replace("server:\n", `server:\n${defaults}`)
    const fromFile = await read(textOf(some), yaml)
    expect(errorsIn(fromFile)).toEqual([])
    const list = yaml + some.map((one) => `  - ${JSON.stringify(one)}\n`).join("")
    const fromList = await read("", list)
    expect(errorsIn(fromList)).toEqual([])
    for (const part of ["credentials", "callerLimits", "limitedSubjects"] as const)
      expect(new Map<string, unknown>(fromFile.callers?.table[part])).toEqual(
        new Map<string, unknown>(fromList.callers?.table[part]),
      )
  })

  test("is taken with blanks, empty lines, other line ends, escapes and no end of its last line", async () => {
    const [one, two, three] = [caller(1), caller(2, { tags: { a: "\u00e9" } }), caller(3)].map((each) =>
      JSON.stringify(each),
    )
    const text = `\n${one?.replaceAll(",", ", ").replaceAll(":", " : ")}\r\n  \t\n${two?.replace("é", "\\u00e9")}\n${three}`
    const reading = await read(text)
    expect(errorsIn(reading)).toEqual([])
    expect(callersIn(reading)).toEqual(["me-lab", "c1", "c2", "c3"])
  })

  test.each<[string, string | Uint8Array, string]>([
    [
      "a line that is cut",
      textOf([caller(1)]) + JSON.stringify(caller(2)).slice(0, 40),
      "Line 2 of callers.jsonl: This is no JSON object.",
    ],
    ["a list", "[]\n", "Line 1 of callers.jsonl: Expected one JSON object with the keys of a caller."],
    [
      "bytes that are no text",
      Uint8Array.of(123, 255, 125, 10),
      "Line 1 of callers.jsonl: This line, or one soon after it, is not UTF-8.",
    ],
    [
      "a key that nobody knows",
      textOf([caller(1, { alow: ["default"] })]),
      'Line 1 of callers.jsonl, alow: The key "alow" is not known here.',
    ],
    [
      "a key that is missing",
      textOf([caller(1), { ...caller(2), project: undefined }]),
      'Line 2 of callers.jsonl, project: The key "project" is missing.',
    ],
    [
      "a key that stands twice",
      textOf([caller(1)]).replace("{", '{"status":"suspended","status":"active",'),
      "Line 1 of callers.jsonl, status: ",
    ],
    [
      "a name that objects inherit",
      textOf([caller(1, { tags: { toString: "x" } })]),
      'Line 1 of callers.jsonl, tags.toString: The name "toString" cannot be used.',
    ],
    [
      "a value of another type",
      textOf([caller(1, { rate: { rpm: "many" } })]),
      "Line 1 of callers.jsonl, rate.rpm: Expected a whole number, 0 or more, found a text.",
    ],
    [
      "a reference",
      textOf([caller(1, { tags: { a: "${HOME}" } })]),
      "Line 1 of callers.jsonl, tags.a: References ${…} are not filled in here.",
    ],
    [
      "a group that is not there",
      textOf([caller(1, { allow: ["defalt"] })]),
      'Line 1 of callers.jsonl, allow[0]: There is no model group "defalt".',
    ],
    [
      "a user that is not there",
      textOf([caller(1, { owner_user: "you" })]),
      'Line 1 of callers.jsonl, owner_user: There is no user "you".',
    ],
    [
      "an id of the list, in another case",
      textOf([caller(1, { id: "ME-Lab" })]),
      'Line 1 of callers.jsonl, id: There is already a caller "ME-Lab".',
    ],
    [
      "a token of the list",
      textOf([caller(1, { token_sha256: "abc0".repeat(16) })]),
      'Line 1 of callers.jsonl, token_sha256: The callers "me-lab" and "c1" have the same token.',
    ],
    [
      "an id twice",
      textOf([caller(1), caller(2, { id: "c1" })]),
      'Line 2 of callers.jsonl, id: There is already a caller "c1".',
    ],
    [
      "a token twice",
      textOf([caller(1), caller(2, { tokens: [caller(1)].map(({ token_sha256 }) => ({ token_sha256 })) })]),
      'Line 2 of callers.jsonl, tokens[0].token_sha256: The callers "c1" and "c2" have the same token.',
    ],
    [
      "a token_id twice",
      textOf([caller(1), caller(2, { token_id: "t1" })]),
      'Line 2 of callers.jsonl, token_id: The callers "c1" and "c2" have the same token_id.',
    ],
    ["a line without end", "x".repeat(70_000), "The callers file cannot be read: its line 1 is longer than 64 KiB."],
  ])("is refused for %s", async (_, text, message) => {
    const reading = await read(text)
    expect(reading.config).toBeNull()
    expect(errorsIn(reading).filter((one) => one.startsWith(message))).toHaveLength(1)
    const [first] = reading.findings.filter(({ severity }) => severity === "error")
    expect(first).toMatchObject({ path: "callers_file", line: SMALLEST.split("\n").length })
  })

  test("is refused where it is missing, or no file", async () => {
    await read(textOf([caller(1)]))
    rmSync(lines)
    expect(errorsIn(await readConfiguration({ path, env: KEYS }))).toEqual([
      "The callers file cannot be read: it does not exist.",
    ])
    mkdirSync(lines)
    expect(errorsIn(await readConfiguration({ path, env: KEYS }))).toEqual([
      "The callers file cannot be read: it is a directory.",
    ])
    rmSync(lines, { recursive: true })
  })

  test("names a fault of many lines once, and not more than a hundred", async () => {
    const same = Array.from({ length: 500 }, (_, number) => caller(number, { allow: ["gone"] }))
    expect(errorsIn(await read(textOf(same)))).toEqual([
      'Line 1 of callers.jsonl, allow[0]: There is no model group "gone". (and 499 more)',
    ])
    const different = Array.from({ length: 500 }, (_, number) => caller(number, { owner_user: `u${number}` }))
    const errors = errorsIn(await read(textOf(different)))
    expect(errors).toHaveLength(101)
    expect(errors.at(-1)).toBe("400 more faults of other lines of callers.jsonl are not listed.")
  })

  test("warns of callers that may call nothing", async () => {
    const { config, findings } = await read(
      textOf([caller(1, { allow: [] }), caller(2, { allow: [] }), caller(3, { allow: [], content_admin: true })]),
    )
    expect(config).not.toBeNull()
    expect(findings.map(({ code, message }) => `${code} ${message}`)).toEqual(
      expect.arrayContaining([
        "nothing-allowed Line 1 of callers.jsonl: The caller may call no model group. (and 1 more)",
      ]),
    )
  })
})

describe("a file that is read again", () => {
  const many = Array.from({ length: 2000 }, (_, number) => caller(number, { rate: { rpm: 1 + (number % 7) } }))

  async function changedTo(after: readonly Block[], yaml = SMALLEST) {
    const before = await read(textOf(many))
    const next = await read(textOf(after), yaml, before)
    expect(errorsIn(next)).toEqual([])
    const fresh = await read(textOf(after), yaml)
    for (const part of ["credentials", "callerLimits", "limitedSubjects"] as const) {
      const sorted = (reading: Reading) =>
        [...(reading.callers?.table[part] ?? new Map<string, never>())].toSorted(([a], [b]) => (a < b ? -1 : 1))
      expect(sorted(next)).toEqual(sorted(fresh))
    }
    const credentials = before.callers?.table.credentials
    const compiled = [...(next.callers?.table.credentials ?? [])].filter(
      ([hash, { caller: one }]) => credentials?.get(hash)?.caller !== one,
    )
    return { compiled: compiled.length, lost: next.callers?.lost, hasNewTags: next.callers?.hasNewTags }
  }

  test("takes over the callers that stayed, wherever others were changed, added or taken away", async () => {
    for (const [after, lost] of [
      [many, 0],
      [many.with(1000, caller(1000, { status: "suspended" })), 0],
      [many.toSpliced(1000, 1), 1],
      [many.toSpliced(1000, 0, caller(5000)), 0],
      [[...many, caller(5000)], 0],
      [many.toSpliced(700, 1).with(20, caller(20, { id: "other", allow: [] })), 2],
    ] as const) {
      const { compiled, lost: found } = await changedTo(after)
      expect(found?.count).toBe(lost)
      expect(compiled).toBeLessThan(400)
    }
  })

  test("says whether some caller has other tags than before", async () => {
    const tagged = many.with(9, caller(9, { tags: { team: "a" } }))
    for (const [after, expected] of [
      [many, false],
      [tagged, true],
      [many.with(9, caller(9, { allow: [] })), false],
      [many.toSpliced(9, 1), false],
    ] as const)
      expect((await changedTo(after)).hasNewTags).toBe(expected)
    const before = await read(textOf(tagged))
    expect([...(before.callers?.table.tags ?? [])]).toEqual([["c9", { team: "a" }]])
    const [without, gone] = [
      await read(textOf(many), SMALLEST, before),
      await read(textOf(many.toSpliced(9, 1)), SMALLEST, before),
    ]
    expect([without, gone].map(({ callers }) => [callers?.hasNewTags, callers?.table.tags.size])).toEqual([
      [true, 0],
      [true, 0],
    ])
  })

  test("takes nothing over where something that all of them depend on changed", async () => {
    const { compiled } = await changedTo(many, SMALLEST.replace("name: Me", "name: I"))
    expect(compiled).toBe(many.length + 1)
  })

  test("is refused for a copy of lines that were there before", async () => {
    const before = await read(textOf(many))
    const next = await read(textOf([...many, ...many]), SMALLEST, before)
    expect(next.config).toBeNull()
    expect(errorsIn(next).some((message) => message.includes("There is already a caller"))).toBe(true)
  })
})

describe("lines that take long to read for what is wrong with them", () => {
  test.each([
    ["nested deeply", `{"id":"x","tags":${"[".repeat(30_000)}${"]".repeat(30_000)}}`, "16 levels"],
    ["many keys", `{${Array.from({ length: 5000 }, (_, at) => `"k${at}":1`).join(",")}}`, "too long"],
    ["many keys, and a name that objects inherit", `{"__proto__":1,${'"k":1,'.repeat(70)}"a":1}`, "too long"],
    [
      "a long text with a reference",
      JSON.stringify(caller(1, { tags: { a: `\${X}${"x".repeat(3000)}` } })),
      "too long",
    ],
  ])("%s: the line is refused, and not read for that", async (_what, line, words) => {
    const errors = errorsIn(await read(`${textOf([caller(2)])}${line}\n`))
    expect(errors).toHaveLength(1)
    expect(errors[0]).toStartWith("Line 2 of callers.jsonl")
    expect(errors[0]).toContain(words)
  })

  test("others have turns between any two of them", async () => {
    let turns = 0
    let isOver = false
    const turn = (): void => {
      turns += 1
      if (!isOver) setImmediate(turn)
    }
    setImmediate(turn)
    const errors = errorsIn(await read(textOf(Array.from({ length: 50 }, (_, at) => caller(at, { colour: "red" })))))
    isOver = true
    expect(errors[0]).toContain("(and 49 more)")
    expect(turns).toBeGreaterThan(25)
  })
})
