/** Configurations in which answers are kept, and calls that may be answered from them. */
import type { Answer } from "./client.ts"
import type { Config } from "./config.ts"
import type { Dialect } from "./samples.ts"
import { SAMPLES } from "./samples.ts"
import { translating } from "./translating.ts"

type Block = Readonly<Record<string, unknown>>

/** One group for each upstream and dialect, all of them with the cache. */
export function caching(config: Config, upstreams: readonly string[], more: Block = {}, group: Block = {}): void {
  config.server = { ...config.server, cache: { enabled: true, ...more } }
  translating(config, upstreams, group)
}

export interface Asking {
  readonly model: string
  readonly text?: string
  readonly stream?: boolean
  readonly extra?: Block
}

/** A body that the cache may answer: the same question in each dialect. */
export function cacheable(dialect: Dialect, { model, text = "hello", stream = false, extra = {} }: Asking): string {
  const own = dialect === "messages" ? { max_tokens: 64 } : {}
  return SAMPLES[dialect].request({ model, text, stream, extra: { temperature: 0, ...own, ...extra } })
}

/** What the router says of the cache. */
export function cacheOf({ headers }: Answer): string | null {
  return headers.get("x-router-cache")
}
