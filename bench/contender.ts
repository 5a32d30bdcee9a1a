/** A server under test: it passes POST /v1/chat/completions on to the upstreams. */
import type { UpstreamName } from "./upstreams.ts"

export const CONTENDERS = ["nginx", "portkey", "earlier", "router"] as const
/** `earlier`: the router of an earlier commit. */
export type ContenderName = (typeof CONTENDERS)[number]

export interface Contender {
  readonly name: ContenderName
  readonly version: string
  readonly pid: number
  /** Where calls for that upstream go in. */
  port(upstream: UpstreamName): number
  /** What every call to that upstream carries, beside its body. */
  headers(upstream: UpstreamName): Readonly<Record<string, string>>
  stop(): Promise<void>
}

/** The model group that a body names, so that the router sends it to that upstream. */
export function groupOf(upstream: UpstreamName): string {
  return `bench-${upstream}`
}
