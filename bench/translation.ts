/** `bench/translation`: what a call costs that changes dialect (Messages client, Chat upstream), against the same call in its own. */
import { mkdirSync, rmSync } from "node:fs"
import { dirname } from "node:path"
import { parseArgs } from "node:util"
import { smallBody, streamBody } from "./bodies.ts"
import { killChildren } from "./children.ts"
import { startRouter, type Router } from "./contender-router.ts"
import { groupOf } from "./contender.ts"
import { takeTurn, type LoadPlan } from "./load.ts"
import { compile, disturbance, coreTicks, machineLine } from "./machine.ts"
import { cpuMicroseconds, cpuTicksWithEnded } from "./process-tree.ts"
import { median } from "./statistics.ts"
import { startUpstreams, STREAM_CHUNKS, STREAM_TICK_MS, type Upstreams } from "./upstreams.ts"

const HELP = `Usage: bench/translation [options]

Measures calls and streamed chunks that are translated (Messages client, Chat upstream) against the same ones in the
upstream's own dialect, and how the cost per message and per chunk grows with their number. Takes about two minutes.

Options
  --rounds N   rounds in which the two take turns; figures are medians over them (5)
  --seconds N  length of one turn with unary calls (2)
  --assert     end with 1 when a bar is missed
  -h, --help   this text

Needs wrk and gcc, and two cores.
`
const CALL_BAR = 1.6
const CHUNK_BAR = 2.5
/** Cost per unit at four times the size; twice would already hide nothing that grows with the square. */
const GROWTH_BAR = 1.5
const MESSAGES_PATH = "/v1/messages"
const STREAMS = 200
/** The kernel counts in hundredths of a second: several calls make one reading. */
const AT_ONCE = 10
const FOLDER = `${import.meta.dir}/.run`
const RUN_FOLDER = `${FOLDER}/translation`

interface Figure {
  readonly name: string
  readonly own: number
  readonly translated: number
  readonly bar: number
}

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    killChildren()
    process.kill(process.pid, signal)
  })
}

const { values: options } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "2" },
    assert: { type: "boolean", default: false },
    help: { type: "boolean", short: "h", default: false },
  },
})
if (options.help) process.stdout.write(HELP)
else process.exitCode = await main()

async function main(): Promise<number> {
  rmSync(RUN_FOLDER, { recursive: true, force: true })
  mkdirSync(RUN_FOLDER, { recursive: true })
  compile(`${import.meta.dir}/load/upstream.c`, `${FOLDER}/upstream`)
  const ticks = coreTicks()
  const far = longStreams()
  const figures = [
    ...(await session(far, async (router, upstreams) => [
      await compared("a small call, µs", "unary", router, upstreams),
      await compared("a streamed chunk, µs", "stream", router, upstreams),
      await historyGrowth(router),
      await chunkGrowth(router, far),
    ])),
  ]
  process.stdout.write(`${machineLine()}\n${disturbance(ticks, coreTicks(), cpuTicksWithEnded(process.pid))}\n`)
  for (const { name, own, translated, bar } of figures) {
    const ratio = translated / own
    const verdict = ratio <= bar ? "holds" : "missed"
    process.stdout.write(
      `${name.padEnd(44)} ${own.toFixed(2)} -> ${translated.toFixed(2)}   ${ratio.toFixed(2)} x (bar ${bar}, ${verdict})\n`,
    )
  }
  return options.assert && figures.some(({ own, translated, bar }) => translated / own > bar) ? 1 : 0
}

async function session<Result>(
  far: LongStreams,
  work: (router: Router, upstreams: Upstreams) => Promise<Result>,
): Promise<Result> {
  const started = await startUpstreams(`${FOLDER}/upstream`, RUN_FOLDER)
  const burst = { ...started.byName.burst, port: far.port }
  const upstreams = { ...started, byName: { ...started.byName, burst } }
  try {
    const router = await startRouter(upstreams, { project: dirname(import.meta.dir), folder: `${RUN_FOLDER}/router` })
    try {
      return await work(router, upstreams)
    } finally {
      await router.stop()
    }
  } finally {
    await started.stop()
    far.stop()
  }
}

/** The two take turns, so that both see the same machine. */
async function compared(
  name: string,
  upstreamName: "unary" | "stream",
  router: Router,
  upstreams: Upstreams,
): Promise<Figure> {
  const chat = (upstreamName === "unary" ? smallBody : streamBody)(groupOf(upstreamName))
  const bodies = { own: chat, translated: asMessages(chat) }
  const times: Record<keyof typeof bodies, number[]> = { own: [], translated: [] }
  for (let round = -1; round < Number(options.rounds); round++) {
    for (const way of ["own", "translated"] as const) {
      const bodyPath = `${RUN_FOLDER}/body-${upstreamName}-${way}.json`
      await Bun.write(bodyPath, bodies[way])
      const windowMs = upstreamName === "unary" ? Number(options.seconds) * 1000 : (STREAM_CHUNKS + 1) * STREAM_TICK_MS
      const plan: LoadPlan = {
        upstream: upstreams.byName[upstreamName],
        bodyPath,
        ...(way === "own" ? {} : { path: MESSAGES_PATH }),
        connections: upstreamName === "unary" ? 64 : STREAMS,
        leadMs: 700,
        windowMs,
      }
      const turn = await takeTurn(router, plan, RUN_FOLDER)
      if (turn.faults !== "") throw new Error(`${name}, ${way}: ${turn.faults}`)
      process.stderr.write(`${name} ${round + 1} ${way} ${turn.cpuMicroseconds.toFixed(1)}\n`)
      // the first round warms up
      if (round >= 0) times[way].push(turn.cpuMicroseconds)
    }
  }
  const bar = upstreamName === "unary" ? CALL_BAR : CHUNK_BAR
  return { name: `translated against own: ${name}`, own: median(times.own), translated: median(times.translated), bar }
}

/** The same call as a Messages client says it. */
function asMessages(chat: string): string {
  const {
    messages,
    stream_options: _,
    user: __,
    ...rest
  } = JSON.parse(chat) as {
    readonly messages: readonly { readonly role: string; readonly content: string }[]
    readonly [key: string]: unknown
  }
  const system = messages.find(({ role }) => role === "system")
  return JSON.stringify({
    max_tokens: 256,
    ...rest,
    ...(system === undefined ? {} : { system: system.content }),
    messages: messages.filter(({ role }) => role !== "system"),
  })
}

/** CPU for each message of a history, at 500 and at 2,000 messages. */
async function historyGrowth(router: Router): Promise<Figure> {
  const each = async (count: number): Promise<number> => (await cheapest(router, history(count), 12)) / count
  return {
    name: "per message, 500 -> 2,000 messages, µs",
    own: await each(500),
    translated: await each(2000),
    bar: GROWTH_BAR,
  }
}

/** CPU for each chunk of a stream, at 12,500 and at 50,000 chunks. */
async function chunkGrowth(router: Router, far: LongStreams): Promise<Figure> {
  const body = asMessages(streamBody(groupOf("burst")))
  const each = async (count: number): Promise<number> => {
    far.chunks = count
    return (await cheapest(router, body, 2, 2)) / count
  }
  return {
    name: "per chunk, 12,500 -> 50,000 chunks, µs",
    own: await each(12_500),
    translated: await each(50_000),
    bar: GROWTH_BAR,
  }
}

interface LongStreams {
  chunks: number
  readonly port: number
  stop(): void
}

function chunk(delta: object, finish: string | null): string {
  return `data: ${JSON.stringify({
    id: "chatcmpl-9f3a",
    object: "chat.completion.chunk",
    created: 1_780_000_000,
    model: "bench-large",
    choices: [{ index: 0, delta, finish_reason: finish }],
  })}\n\n`
}

/** A far end in this process that answers with so many chunks. */
function longStreams(): LongStreams {
  const far = { chunks: 0, port: 0, stop: (): void => void server.stop(true) }
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: () =>
      new Response(`${chunk({ content: " thread" }, null).repeat(far.chunks)}${chunk({}, "stop")}data: [DONE]\n\n`, {
        headers: { "content-type": "text/event-stream" },
      }),
  })
  far.port = server.port ?? 0
  return far
}

/** The least CPU time of one call in microseconds, the first left out. */
async function cheapest(router: Router, body: string, calls: number, atOnce = AT_ONCE): Promise<number> {
  let least = Number.POSITIVE_INFINITY
  for (let call = -1; call < calls; call++) {
    const before = cpuMicroseconds(router.pid)
    for (let again = 0; again < atOnce; again++) await one(router, body)
    if (call >= 0) least = Math.min(least, (cpuMicroseconds(router.pid) - before) / atOnce)
  }
  return least
}

async function one(router: Router, body: string): Promise<void> {
  const response = await fetch(`http://127.0.0.1:${router.port("unary")}${MESSAGES_PATH}`, {
    method: "POST",
    headers: { "content-type": "application/json", ...router.headers("unary") },
    body,
  })
  const text = await response.text()
  if (response.status !== 200) throw new Error(`status ${response.status}: ${text.slice(0, 200)}`)
}

/** A conversation with tools. */
function history(count: number): string {
  const messages = Array.from({ length: count / 4 }, (_, turn) => [
    { role: "user", content: `Question ${turn}: what does the file say?` },
    {
      role: "assistant",
      content: [{ type: "tool_use", id: `toolu_${turn}`, name: "read", input: { path: `f${turn}` } }],
    },
    {
      role: "user",
      content: [{ type: "tool_result", tool_use_id: `toolu_${turn}`, content: `contents of file ${turn}` }],
    },
    { role: "assistant", content: [{ type: "text", text: `It says ${turn}.` }] },
  ]).flat()
  messages.push({ role: "user", content: "Go on." })
  const tools = [
    {
      name: "read",
      description: "Reads a file",
      input_schema: { type: "object", properties: { path: { type: "string" } } },
    },
  ]
  return JSON.stringify({ model: groupOf("unary"), max_tokens: 256, messages, tools })
}
