/**
 * Loaded into a router before anything else (`--preload`): how long the work between two looks at its event loop takes at
 * most, by the CPU clock of the thread, so that a busy machine does not count. `GET /` on the port in LOOP_PROBE_PORT
 * gives the milliseconds since the last question.
 */
const EVERY_MS = 1

import process from "node:process"

const cpuMs = (): number => {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1000
}

const port = Number(process.env["LOOP_PROBE_PORT"] ?? 0)
let before = cpuMs()
let longestMs = 0

if (port > 0) {
  setInterval(() => {
    const now = cpuMs()
    longestMs = Math.max(longestMs, now - before)
    before = now
  }, EVERY_MS).unref()
  const answer = (): Response => {
    const told = longestMs
    longestMs = 0
    return new Response(String(told))
  }
  Bun.serve({ hostname: "127.0.0.1", port, fetch: answer }).unref()
}
