/** A month of calls of an invented company: the same ones for the same end and seed. */
import type { ErrorCode } from "../errors.ts"
import type { CallRecord } from "../ledger/record.ts"
import { Budgets } from "./budgets.ts"
import type { SampleCall, SampleShaping } from "./call.ts"
import { type GroupName, GROUPS, PROGRAMS, type SampleProgram } from "./company.ts"
import { decisionOf, type Moment, route } from "./decide.ts"
import { between, type Draw, draws } from "./draws.ts"
import { sampleRecord } from "./record.ts"
import { serve } from "./serve.ts"
import { DAY_MS, DAYS, expectedCalls, HOUR_MS, isBusy, isDearNight, storyUntil } from "./story.ts"

/** As few as the event loop takes at once. */
const MOST_AT_ONCE = 32
const NONE: readonly never[] = []
const LARGEST = 8
/** As the configuration of the demo has it. */
export const LONGEST_WAIT_MS = 1000

/** Groups of calls in the order of time. `endMs`: a midnight, UTC; the month is the thirty days before it. */
export function* sampleMonth(endMs: number, seed: number = 1): Generator<readonly CallRecord[]> {
  const story = storyUntil(endMs)
  const budgets = new Budgets()
  let number = 0
  for (let day = 0; day < DAYS; day += 1) {
    for (let hour = 0; hour < 24; hour += 1) {
      const draw = draws(seed * 1000 + day * 24 + hour)
      const calls = callsOf({ story, day, hour }, draw)
      for (let from = 0; from < calls.length; from += MOST_AT_ONCE) {
        yield calls.slice(from, from + MOST_AT_ONCE).flatMap(({ ts, program }) => {
          if (!budgets.goesOn(program)) return []
          number += 1
          const record = sampleRecord(callOf(ts, number, program, budgets, { story, day, hour }, draw))
          budgets.add(program, record.usage)
          return [record]
        })
      }
    }
  }
}

interface Planned {
  readonly ts: number
  readonly program: SampleProgram
}

function callsOf({ story, day, hour }: Moment, draw: Draw): readonly Planned[] {
  const startMs = story.startMs + day * DAY_MS + hour * HOUR_MS
  const calls: Planned[] = []
  for (const program of PROGRAMS) {
    const count = Math.floor(expectedCalls(story, program, day, hour) + draw())
    for (let call = 0; call < count; call += 1) calls.push({ ts: startMs + Math.floor(draw() * HOUR_MS), program })
  }
  return calls.toSorted((one, other) => one.ts - other.ts)
}

function callOf(
  ts: number,
  number: number,
  program: SampleProgram,
  budgets: Budgets,
  at: Moment,
  draw: Draw,
): SampleCall {
  const { quotaState, keyState, refusal } = budgets.stateOf(program, ts)
  const name = groupOf(program, at, draw)
  const group = GROUPS[name]
  const whole = {
    ts,
    number,
    caller: program,
    requested: name,
    group: name,
    strategy: group.strategy,
    quotaState,
    keyState,
    stream: draw() < program.streams,
    overheadMs: between(draw, 0.8, 3),
    images: name === "vision" ? 1 : 0,
  }
  const refused = refusal ?? refusalOf(program, at, draw)
  const shaping = shapingOf(program, refused, draw)
  if (refused !== null)
    return { ...whole, ...nothing(refused), ...(refused === "model-not-allowed" ? NO_GROUP : {}), shaping }
  const inputTokens = inputOf(program, at, draw)
  const routed = route(group, program, inputTokens, at, draw)
  const served = serve(ts, routed, program, inputTokens, at, draw)
  return { ...whole, ...served, shaping, decision: decisionOf(group, routed, served.attempts, inputTokens) }
}

const NO_GROUP = { requested: "", group: "", strategy: "" } as const

function nothing(error: ErrorCode): Omit<SampleCall, keyof Identity | "shaping"> {
  return { attempts: NONE, usage: null, firstMs: null, error, trace: NONE, upstreamShapes: NONE, decision: null }
}

type Identity = Pick<
  SampleCall,
  | "ts"
  | "number"
  | "caller"
  | "requested"
  | "group"
  | "strategy"
  | "quotaState"
  | "keyState"
  | "stream"
  | "overheadMs"
  | "images"
>

function groupOf({ groups, rhythm }: SampleProgram, { story, day, hour }: Moment, draw: Draw): GroupName {
  if (rhythm === "night" && isDearNight(story, day, hour)) return "assist"
  const [first, second] = groups
  if (first === undefined) throw new Error("a program calls something")
  return second !== undefined && draw() < 0.2 ? second : first
}

function refusalOf({ limits }: SampleProgram, { story, day, hour }: Moment, draw: Draw): ErrorCode | null {
  const chance = draw()
  if (chance < 0.004) return "invalid-request"
  if (chance < 0.006) return "model-not-allowed"
  if (chance < 0.0062) return "internal-error"
  if (limits.rpm !== undefined && isBusy(story, day, hour) && chance < 0.03) return "rpm-exceeded"
  return limits.startsPerSecond !== undefined && chance > 0.994 ? "traffic-shaped" : null
}

const QUEUED = 0.04

function shapingOf({ limits }: SampleProgram, refused: ErrorCode | null, draw: Draw): SampleShaping | null {
  const bucket = "request_start_per_sec"
  if (refused === "traffic-shaped") return { decision: "refused", bucket, retryAfterMs: 1000, waitMs: null }
  if (refused !== null || limits.startsPerSecond === undefined || draw() > QUEUED) return null
  return { decision: "queued", bucket, retryAfterMs: null, waitMs: Math.round(between(draw, 20, LONGEST_WAIT_MS)) }
}

/** Most are smaller than usual, few are very large; those of the dear night are. */
function inputOf({ input, rhythm }: SampleProgram, { story, day, hour }: Moment, draw: Draw): number {
  const dear = rhythm === "night" && isDearNight(story, day, hour) ? 3 : 1
  return Math.floor(input * dear * Math.min(LARGEST, 0.4 + 0.7 * draw() + 5 * draw() ** 10))
}
