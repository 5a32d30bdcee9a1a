import { expect, test } from "bun:test"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import path from "node:path"
import { silentLog } from "../system/log.ts"
import { systemClock } from "../system/clock.ts"
import { askSocket } from "./ask.ts"
import { openControl } from "./control.ts"

const PATIENCE_MS = 60_000

test("an answer larger than the socket's buffer comes whole", async () => {
  const directory = mkdtempSync(path.join(tmpdir(), "control-"))
  const file = path.join(directory, "control")
  const text = "ü".repeat(2_000_000)
  const control = await openControl({ path: file, answers: { long: async () => ({ text }) }, log: silentLog })
  const answer = JSON.parse(await askSocket(file, "long", PATIENCE_MS, systemClock)) as { readonly text: string }
  expect(answer.text.length).toBe(text.length)
  control.close()
  rmSync(directory, { recursive: true })
})
