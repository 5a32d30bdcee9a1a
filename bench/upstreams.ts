/** The far ends of the load runs (load/upstream.c), on the load generator's core. */
import { startChild, type Child } from "./children.ts"

/** unary: finished answers. stream: one chunk a tick. burst: a whole stream at once, for the time to its first byte. */
export const UPSTREAMS = ["unary", "stream", "burst"] as const
export type UpstreamName = (typeof UPSTREAMS)[number]

export const STREAM_CHUNKS = 40
export const STREAM_TICK_MS = 100

export interface Upstream {
  readonly name: UpstreamName
  readonly port: number
  count(): Promise<UpstreamCount>
}

export interface UpstreamCount {
  /** POST requests that were answered or begun. */
  readonly calls: number
  /** Answers (unary), or chunks with the stream's end as one (streams). */
  readonly writes: number
}

export interface Upstreams {
  readonly byName: Readonly<Record<UpstreamName, Upstream>>
  stop(): Promise<void>
}

export async function startUpstreams(program: string, runFolder: string): Promise<Upstreams> {
  const children: Child[] = []
  const start = async (name: UpstreamName, chunks: number, tickMs: number): Promise<Upstream> => {
    const logPath = `${runFolder}/upstream-${name}.log`
    children.push(startChild({ command: [program, String(chunks), String(tickMs)], core: 1, logPath }))
    const port = await portFrom(logPath)
    return { name, port, count: async () => countOf(await fetch(`http://127.0.0.1:${port}/`)) }
  }
  const byName = {
    unary: await start("unary", 0, 0),
    stream: await start("stream", STREAM_CHUNKS, STREAM_TICK_MS),
    burst: await start("burst", STREAM_CHUNKS, 0),
  }
  return {
    byName,
    async stop() {
      await Promise.all(children.map((child) => child.stop()))
    },
  }
}

async function countOf(response: Response): Promise<UpstreamCount> {
  const count = (await response.json()) as UpstreamCount
  return { calls: count.calls, writes: count.writes }
}

async function portFrom(logPath: string): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const port = Number((await Bun.file(logPath).text()).trim())
    if (port > 0) return port
    await Bun.sleep(20)
  }
  throw new Error("the upstream of the load runs did not start")
}
