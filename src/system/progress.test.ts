import { expect, test } from "bun:test"
import { migrationProgress } from "./progress.ts"

function shown(isTTY: boolean): string[] {
  const written: string[] = []
  const report = migrationProgress({ isTTY, write: (text) => written.push(text) })
  for (const share of [0, 0.429, 1]) report({ version: 17, name: "last-targets" }, share)
  return written
}

test("a terminal shows how much of a step is done, in one line that goes away", () => {
  expect(shown(true)).toEqual([
    "\r\u001b[Kusage database, version 17 (last-targets): 0 %",
    "\r\u001b[Kusage database, version 17 (last-targets): 42 %",
    "\r\u001b[K",
  ])
})

test("a file or a pipe gets nothing of it", () => {
  expect(shown(false)).toEqual([])
})
