/** One process' worth of peers on a Redis: what it may use, and what it hears of others. */
import { compile } from "../../src/config/compile/compile.ts"
import type { Snapshot, Target } from "../../src/config/snapshot.ts"
import { StoreLink } from "../../src/governance/redis/link.ts"
import { script } from "../../src/governance/redis/scripts.ts"
import { systemClock } from "../../src/system/clock.ts"
import { silentLog } from "../../src/system/log.ts"
import { Health } from "../../src/upstream/health.ts"
import { BEAT, Peers } from "../../src/upstream/peers.ts"
import { claim, type Scope } from "../../src/upstream/shaping.ts"
import { mustLoad } from "./load-text.ts"

const SCRIPT = script(BEAT)
const DEMAND = { inputTokens: 1, outputTokens: 1 }
export const now = (): number => systemClock.monotonicMs()

const PAUSES = "upstream_429_backoff: { enabled: true, min_backoff_ms: 1000, max_backoff_ms: 60000 }"
const RATE = "request_start_per_sec: 0.001, request_burst: 100"
export const SHAPE: string = `{ enabled: true, ${RATE}, ${PAUSES} }`
export const ONLY_PAUSES: string = `{ enabled: true, ${PAUSES} }`
export const NO_SHAPE = "{ enabled: false }"

function snapshot(shape: string): Snapshot {
  const config = mustLoad(`
server: { listen: 127.0.0.1:0, breaker: { failures: 1, window: 30s, cooldown: 10s } }
providers:
  alpha:
    base_url: http://127.0.0.1:9/v1
    dialect: openai-chat
    auth_scheme: none
    traffic_shape: ${shape}
    models: { big: { model: vendor-big } }
models: { one: { strategy: static, targets: [{ provider: alpha, model_ref: big }] } }
`)
  return compile(config, { userAgent: "test", lineOf: () => null })
}

export class Process {
  readonly health: Health = new Health()
  target: Target
  readonly link: StoreLink
  readonly peers: Peers

  constructor(url: string, id: string, shape: string = SHAPE) {
    this.target = this.load(shape)
    const limits = { firstRetryMs: 20, slowestRetryMs: 50 }
    const options = { url, clock: systemClock, log: silentLog, limits, name: "capacity", scripts: [SCRIPT] }
    this.link = new StoreLink({ ...options, onUp: () => {} })
    const { link } = this
    const meeting = {
      get isUp() {
        return link.isUp
      },
      beat: (words: readonly string[]) => link.run(SCRIPT, words),
      close: () => link.close(),
    }
    const { health } = this
    this.peers = new Peers({ link: meeting, health, clock: systemClock, log: silentLog, id, processes: 1 })
  }

  load(shape: string): Target {
    const configured = snapshot(shape)
    this.health.adopt(configured, now())
    this.target = configured.groups.get("one")!.targets[0]!
    return this.target
  }

  get scope(): Scope {
    return this.health.of(this.target).scopes[0]!
  }

  /** 0: it has no rate to keep. */
  get part(): number {
    return [...this.health.scopesWithBuckets()].reduce((_, { part }) => part, 0)
  }

  /** As many calls as it lets start at this moment. */
  start(most: number = Infinity): number {
    let started = 0
    while (started < most && claim(this.health.of(this.target).scopes, DEMAND, now()) === null) started += 1
    return started
  }

  ask(calls: number): void {
    this.scope.asked += calls
  }
}

let ids = 0
const opened = new Set<Process>()

/** Has nothing until it is opened. */
export function processOn(url: string, shape: string = SHAPE): Process {
  const one = new Process(url, `p${(ids += 1)}`, shape)
  opened.add(one)
  return one
}

export async function open(url: string, shape: string = SHAPE): Promise<Process> {
  const one = processOn(url, shape)
  await one.link.open()
  await one.peers.open()
  return one
}

/** Of all that were made since. */
export async function closeAll(): Promise<void> {
  for (const process of opened) await process.peers.close()
  opened.clear()
}

/** Whether a part is there, but for what is drawn and measured. */
export const near = (part: number, expected: number): true | undefined =>
  Math.abs(part - expected) < 0.02 ? true : undefined
