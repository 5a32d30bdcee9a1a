/** `bun bench/micro/json.ts`: checking a request body beside what the runtime offers for it. */
import { isUtf8 } from "node:buffer"
import { scanObject } from "../../src/json/scan.ts"
import { agentBody, smallBody } from "../bodies.ts"
import { compare } from "./timing.ts"

const MAX_DEPTH = 512
const decoder = new TextDecoder("utf-8", { fatal: true })

for (const [title, text, runs] of [
  ["small body", smallBody("bench"), 20_000],
  ["agent body", agentBody("bench"), 100],
] as const) {
  const bytes = new TextEncoder().encode(text)
  compare(`${title}, ${bytes.length} bytes`, runs, {
    scanObject: () => scanObject(bytes, MAX_DEPTH),
    isUtf8: () => isUtf8(bytes),
    "decode and JSON.parse": () => JSON.parse(decoder.decode(bytes)) as unknown,
  })
}
