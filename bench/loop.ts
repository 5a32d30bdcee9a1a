/**
 * `bun bench/loop.ts [words of a case's name …]`: how long a router's event loop is held by the largest inputs that it takes, by
 * the CPU clock of its thread, and how long `/healthz` takes meanwhile. Nothing may hold the loop for over 20 ms.
 */
import { freePort } from "./children.ts"
import { LOOP_CASES } from "./loop/cases.ts"
import type { LoopCase } from "./loop/inputs.ts"
import { prepare } from "../test/helpers/config.ts"
import { SAMPLES } from "../test/helpers/samples.ts"
import { translating } from "../test/helpers/translating.ts"

const MOST_MS = 20
const RUNS = 3
const PATIENCE_MS = 60_000
const words = process.argv.slice(2)

let current: LoopCase | null = null
const upstream = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  idleTimeout: 255,
  maxRequestBodySize: 1 << 28,
  async fetch(request) {
    await request.arrayBuffer()
    return current?.answer() ?? new Response(null, { status: 500 })
  },
})

const prepared = prepare({
  upstreams: { far: { url: `http://127.0.0.1:${upstream.port}` } },
  configure: (config, folder) => {
    translating(config, ["far"])
    for (const one of LOOP_CASES) one.configure?.(config, folder)
    config.callers = config.callers.map((caller) => ({ ...caller, allow: Object.keys(config.models) }))
  },
})
const probePort = freePort()
const router = Bun.spawn(
  [process.execPath, "--preload", "./bench/loop/probe.ts", "src/main.ts", "serve", "--config", prepared.configPath],
  {
    cwd: `${import.meta.dir}/..`,
    env: { ...process.env, ...prepared.env, LOOP_PROBE_PORT: String(probePort) },
    stdout: "pipe",
    stderr: "inherit",
  },
)
let failed = 0
try {
  const url = await addressIn(router.stdout)
  console.log(`${"".padEnd(72)} held ms   healthz ms   status`)
  for (const one of LOOP_CASES) {
    if (!words.every((word) => one.name.includes(word))) continue
    current = one
    const figures: { held: number; healthz: number; status: number }[] = []
    for (let run = 0; run < RUNS; run++) figures.push(await measured(one, url))
    const held = Math.min(...figures.map((figure) => figure.held))
    const healthz = Math.min(...figures.map((figure) => figure.healthz))
    if (held > MOST_MS) failed++
    console.log(
      `${one.name.padEnd(72)} ${held.toFixed(1).padStart(7)} ${healthz.toFixed(1).padStart(12)} ${String(figures[0]?.status).padStart(8)}${held > MOST_MS ? "  HELD" : ""}`,
    )
  }
} finally {
  router.kill()
  await router.exited
  prepared.remove()
  await upstream.stop(true)
}
console.log(
  failed === 0 ? `nothing held the loop over ${MOST_MS} ms` : `${failed} cases held the loop over ${MOST_MS} ms`,
)

async function measured(one: LoopCase, url: string): Promise<{ held: number; healthz: number; status: number }> {
  const body = one.body()
  await (await fetch(`http://127.0.0.1:${probePort}/`)).text()
  const asked = { isDone: false }
  let healthz = 0
  const asking = (async () => {
    while (!asked.isDone) {
      const from = performance.now()
      await (await fetch(`${url}/healthz`)).text()
      healthz = Math.max(healthz, performance.now() - from)
      await Bun.sleep(2)
    }
  })()
  const answer = await fetch(url + (one.path ?? SAMPLES[one.client].path), {
    method: "POST",
    headers: { authorization: `Bearer ${prepared.token}`, "content-type": "application/json", ...one.headers },
    body,
    signal: AbortSignal.timeout(PATIENCE_MS),
  })
  await answer.arrayBuffer()
  asked.isDone = true
  await asking
  const held = Number(await (await fetch(`http://127.0.0.1:${probePort}/`)).text())
  return { held, healthz, status: answer.status }
}

async function addressIn(channel: ReadableStream<Uint8Array>): Promise<string> {
  let printed = ""
  const decoder = new TextDecoder()
  const ready = Promise.withResolvers<string>()
  void (async () => {
    for await (const piece of channel) {
      printed += decoder.decode(piece, { stream: true })
      const address = /http:\/\/127\.0\.0\.1:[1-9]\d*/u.exec(printed)
      if (address !== null) ready.resolve(address[0])
    }
    ready.reject(new Error(`the router ended: ${printed}`))
  })()
  return ready.promise
}
