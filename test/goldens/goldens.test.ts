/** What every fixture becomes in every other dialect, to the letter. `UPDATE_GOLDENS=1` writes the goldens anew. */
import { expect, test } from "bun:test"
import { existsSync, readFileSync } from "node:fs"
import { LOSSES } from "../../src/canonical/loss.ts"
import { fixturePath, goldenCases, goldenFiles, textOf, translated, type GoldenCase } from "./cases.ts"
import { sampledByKind } from "../helpers/sample.ts"
import { foldedStream, readReply } from "./translate.ts"

const CASES = goldenCases()
const UPDATING = process.env["UPDATE_GOLDENS"] === "1"

const titled = (cases: readonly GoldenCase[]): [string, GoldenCase][] =>
  cases.map((one) => [`${one.kind} ${one.from} ${one.name} for ${one.to}`, one])

/** Who writes the goldens anew writes all of them. */
const COMPARED = UPDATING
  ? CASES
  : sampledByKind(CASES, ({ kind, from, to, name }) => [`${kind} ${from} ${to}`, name], 90)

test.each(titled(COMPARED))("the golden of %s is what the fixture becomes", async (_title, one) => {
  const text = textOf(translated(one))
  if (UPDATING) await Bun.write(one.path, text)
  expect(existsSync(one.path)).toBe(true)
  expect(text).toBe(readFileSync(one.path, "utf8"))
})

test("no golden stands without its fixture", () => {
  const known = new Set(CASES.flatMap((one) => [one.path, fixturePath(one)]))
  expect(goldenFiles().filter((file) => !known.has(file))).toEqual([])
})

test("every loss has a code of the closed list", () => {
  const codes = new Set(CASES.flatMap((one) => translated(one).losses.map(({ code }) => code)))
  expect([...codes].filter((code) => !(code in LOSSES))).toEqual([])
  expect(codes.size).toBeGreaterThan(30)
})

const STREAMED = CASES.filter(({ kind, name, from }) => {
  return (
    kind === "streams" && CASES.some((other) => other.kind === "replies" && other.from === from && other.name === name)
  )
})

test.each(titled(STREAMED))("the golden of %s says what the whole reply says", (_title, one) => {
  const whole = CASES.find((other) => {
    return other.kind === "replies" && other.from === one.from && other.name === one.name && other.to === one.to
  })
  if (whole === undefined) throw new Error("a stream without its reply")
  const [stream, reply] = [translated(one), translated(whole)]
  const folded = foldedStream((stream.stream ?? []).map((frame) => `${frame}\n\n`).join(""), one.to)
  const read = readReply(reply.body ?? null, one.to)
  expect(folded?.stop.is).toBe(read?.stop.is ?? "other")
  expect(folded?.usage).toEqual(read?.usage ?? null)
  for (const type of ["text", "refusal", "tool-call"] as const) {
    expect(folded?.blocks.filter((block) => block.type === type)).toEqual(
      (read?.blocks ?? []).filter((block) => block.type === type),
    )
  }
  // a stream gives the text of arguments on as it comes, cut off or not; only a whole reply must make an object of it
  const codes = reply.losses.map(({ code }) => code).filter((code) => code !== "reply-arguments-wrapped")
  expect(stream.losses.map(({ code }) => code)).toEqual(codes)
})
