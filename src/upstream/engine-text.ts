/** Reads the few figures that say how busy a private engine is out of its metrics (Prometheus text format). */

/** What an engine says about itself. */
export interface EngineReading {
  readonly running: number
  readonly waiting: number
  /** Share of the KV cache in use, 0 to 1; null: not reported. */
  readonly cacheUsage: number | null
}

export type EngineName = "vllm" | "sglang"

interface Names {
  readonly running: string
  readonly waiting: string
  /** The first that is there counts: engines have renamed it. */
  readonly cacheUsage: readonly string[]
}

const NAMES: Readonly<Record<EngineName, Names>> = {
  vllm: {
    running: "vllm:num_requests_running",
    waiting: "vllm:num_requests_waiting",
    cacheUsage: ["vllm:kv_cache_usage_perc", "vllm:gpu_cache_usage_perc"],
  },
  sglang: {
    running: "sglang:num_running_reqs",
    waiting: "sglang:num_queue_reqs",
    cacheUsage: ["sglang:token_usage"],
  },
}

/** Several series (engines behind one address) are added up; of their caches the fullest counts. Null: no such metrics. */
export function readEngineText(text: string, engine: EngineName): EngineReading | null {
  const names = NAMES[engine]
  const running = total(seriesOf(text, names.running))
  const waiting = total(seriesOf(text, names.waiting))
  if (running === null || waiting === null) return null
  const caches = names.cacheUsage.map((name) => seriesOf(text, name)).find((series) => series.length > 0) ?? []
  if (caches.some((share) => !(share >= 0 && share <= 1))) return null
  return { running, waiting, cacheUsage: caches.length === 0 ? null : Math.max(...caches) }
}

/** Null where there is no series, or one that counts nothing. */
function total(series: readonly number[]): number | null {
  if (series.length === 0 || series.some((count) => !(count >= 0 && count <= MOST_REQUESTS))) return null
  return series.reduce((sum, count) => sum + count, 0)
}

const MOST_REQUESTS = 1e9
const MOST_SERIES = 1000
/** Labels, if any, and the value behind them. */
const SAMPLE = /^(?:\{(?:[^"}\n]|"(?:[^"\\\n]|\\.)*")*\})?[ \t]+([^ \t\r\n]+)/

function seriesOf(text: string, name: string): readonly number[] {
  const values: number[] = []
  for (let at = text.indexOf(name); at >= 0; at = text.indexOf(name, at + name.length)) {
    if (at > 0 && text[at - 1] !== "\n") continue
    const end = text.indexOf("\n", at)
    const rest = text.slice(at + name.length, end < 0 ? text.length : end)
    const value = SAMPLE.exec(rest)?.[1]
    if (value !== undefined) values.push(Number(value))
    if (values.length >= MOST_SERIES) break
  }
  return values
}
