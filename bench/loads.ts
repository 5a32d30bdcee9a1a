/** The CPU loads: which body, how many connections, for how long; the servers take turns round by round. */
import { agentBody, smallBody, streamBody } from "./bodies.ts"
import { groupOf, type Contender, type ContenderName } from "./contender.ts"
import { canServe, takeTurn, type LoadPlan, type Turn } from "./load.ts"
import type { Options, Work } from "./options.ts"
import { STREAM_CHUNKS, STREAM_TICK_MS, type Upstream, type Upstreams } from "./upstreams.ts"

export type LoadWork = Exclude<Work, "latency">

export const STREAMS = 1000

export interface LoadResult {
  readonly work: LoadWork
  readonly turns: Readonly<Record<ContenderName, readonly Turn[]>>
  /** Calls that reached the upstream through the router, those of its warm-up turn included. */
  readonly routerCalls: number
}

export interface LoadSetting {
  readonly contenders: readonly Contender[]
  readonly upstreams: Upstreams
  readonly options: Options
  readonly folder: string
  /** What a reader of the figures must know. */
  readonly notes: Set<string>
  say(line: string): void
}

/** Runtimes that compile as they go need many calls before they run at their speed. */
const WARM_UP_CALLS = 20_000
const WARM_UP_MS = 30_000

export async function runLoad(work: LoadWork, setting: LoadSetting): Promise<LoadResult> {
  const plan = await planOf(work, setting)
  const contenders = await usable(setting, plan.upstream, await Bun.file(plan.bodyPath).text())
  const turns: Record<ContenderName, Turn[]> = { nginx: [], portkey: [], earlier: [], router: [] }
  // the one by which it was asked whether it can
  let routerCalls = 1
  for (const contender of contenders) {
    const calls = await warmUp(contender, plan, setting)
    if (contender.name === "router") routerCalls += calls
  }
  for (let round = 1; round <= setting.options.rounds; round++) {
    for (const contender of contenders) {
      const turn = await takeTurn(contender, plan, setting.folder)
      turns[contender.name].push(turn)
      if (contender.name === "router") routerCalls += turn.calls
      const faults = turn.faults === "" ? "" : `, ${turn.faults}`
      setting.say(
        `${work} ${round}/${setting.options.rounds} ${contender.name.padEnd(7)} ${turn.cpuMicroseconds.toFixed(1)} µs` +
          `, ${turn.perSecond.toFixed(0)}/s, ${turn.residentMegabytes.toFixed(0)} MB${faults}`,
      )
    }
  }
  return { work, turns, routerCalls }
}

/** The number of calls made. */
async function warmUp(contender: Contender, plan: LoadPlan, setting: LoadSetting): Promise<number> {
  setting.say(`${contender.name} warms up`)
  const turnMs = plan.leadMs + plan.windowMs
  let calls = 0
  for (let spentMs = 0; calls < WARM_UP_CALLS && spentMs < WARM_UP_MS; spentMs += turnMs) {
    calls += (await takeTurn(contender, plan, setting.folder)).calls
    if (plan.upstream.name === "stream") break
  }
  return calls
}

/** The servers that can do this work, each asked once. @throws Error when the router or nginx cannot */
export async function usable(setting: LoadSetting, upstream: Upstream, body: string): Promise<readonly Contender[]> {
  const able: Contender[] = []
  for (const contender of setting.contenders) {
    if (await canServe(contender, upstream, body)) able.push(contender)
    else if (contender.name !== "portkey")
      throw new Error(`${contender.name} does not serve the ${upstream.name} calls`)
    else
      setting.notes.add(
        `the Portkey gateway does not answer the ${upstream.name} calls with 200 here: left out of them`,
      )
  }
  return able
}

async function planOf(work: LoadWork, setting: LoadSetting): Promise<LoadPlan> {
  const { upstreams, options, folder } = setting
  const bodyPath = `${folder}/body-${work}.json`
  const { unary, stream } = upstreams.byName
  const unaryTimes = { leadMs: 700, windowMs: options.seconds * 1000 }
  switch (work) {
    case "small":
      await Bun.write(bodyPath, smallBody(groupOf("unary")))
      return { upstream: unary, bodyPath, connections: 64, ...unaryTimes }
    case "agent":
      await Bun.write(bodyPath, agentBody(groupOf("unary")))
      return { upstream: unary, bodyPath, connections: 32, ...unaryTimes }
    case "streams": {
      await Bun.write(bodyPath, streamBody(groupOf("stream")))
      // as long as one stream lives, so that each of them is begun and ended once
      const windowMs = (STREAM_CHUNKS + 1) * STREAM_TICK_MS
      return { upstream: stream, bodyPath, connections: STREAMS, leadMs: 1500, windowMs }
    }
  }
}
