/**
 * Tool calls and their results in the one order that every vendor takes: an assistant message, directly behind it one
 * `tool` message with the results of its calls in the order of the calls, then whatever stood between. Linear.
 */

import type { ToolCallBlock, ToolResultBlock } from "./block.ts"
import type { Losses } from "./loss.ts"
import type { Message } from "./request.ts"

export interface PairingOptions {
  /** Give an error result to a call without one, unless it stands in the last message: that one is not due yet. */
  readonly repair: boolean
  /** Earlier turns are stored upstream: results without a call belong to those, and stay where they are. */
  readonly keepOrphans: boolean
}

export const MISSING_RESULT_TEXT = "The result of this tool call is not available."

interface Placed {
  readonly message: Message
  /** Place among the messages that were given. */
  readonly index: number
}

interface Turn extends Placed {
  readonly kind: "turn"
}

interface Result {
  readonly kind: "result"
  readonly block: ToolResultBlock
  readonly index: number
  /** Place among the blocks of its message. */
  readonly at: number
  used: boolean
}

type Unit = Turn | Result

/**
 * Messages without blocks go, but for those that their own dialect says something with (Claude Code's settings of a turn). Assistant messages that stand next to each other become one, as Responses gives each call
 * its own item, unless they differ in `name` or a later one has `extra`. Results without a call, and second results of
 * one call, are dropped with a loss. An id that is used again for a later call pairs with the results between.
 */
export function pairResults(messages: readonly Message[], options: PairingOptions, losses: Losses): readonly Message[] {
  const placed = messages.map((message, index): Placed => ({ message, index }))
  const units = [...unitsOf(mergeAssistants(placed))]
  const results = resultsById(units)
  const nextCall = nextCallPositions(units)
  const paired: Message[] = []
  const answered = new Set<string>()
  for (const [position, unit] of units.entries()) {
    if (unit.kind === "result") {
      if (options.keepOrphans && !unit.used) paired.push({ role: "tool", blocks: [unit.block] })
      continue
    }
    paired.push(unit.message)
    const calls = callsOf(unit.message)
    if (calls.length === 0) continue
    const found: ToolResultBlock[] = []
    for (const [index, call] of calls.entries()) {
      answered.add(call.id)
      const limit = nextCall.get(slotOf(position, index)) ?? units.length
      const result = takeResult(results.get(call.id), units, position, limit)
      if (result !== null) found.push(result)
      else if (options.repair && position < units.length - 1) found.push(missing(call, unit.index, losses))
    }
    if (found.length > 0) paired.push({ role: "tool", blocks: found })
  }
  if (!options.keepOrphans) declareUnused(units, answered, losses)
  return mergeAssistants(paired.map((message) => ({ message, index: 0 }))).map(({ message }) => message)
}

function* unitsOf(messages: readonly Placed[]): Generator<Unit> {
  for (const { message, index } of messages) {
    if (message.role === "assistant" || !message.blocks.some((block) => block.type === "tool-result")) {
      yield { kind: "turn", message, index }
      continue
    }
    for (const [at, block] of message.blocks.entries()) {
      if (block.type === "tool-result") yield { kind: "result", block, index, at, used: false }
    }
    const rest = message.blocks.filter((block) => block.type !== "tool-result")
    if (rest.length > 0) {
      const role = message.role === "tool" ? "user" : message.role
      yield { kind: "turn", message: { ...message, role, blocks: rest }, index }
    }
  }
}

function mergeAssistants(messages: readonly Placed[]): readonly Placed[] {
  const runs: Placed[][] = []
  for (const placed of messages) {
    if (placed.message.blocks.length === 0 && placed.message.extra === undefined) continue
    const run = runs.at(-1)
    if (run?.[0] !== undefined && canJoin(run[0].message, placed.message)) run.push(placed)
    else runs.push([placed])
  }
  return runs.flatMap((run) => {
    const first = run[0]
    if (first === undefined || run.length === 1) return run
    return [{ ...first, message: { ...first.message, blocks: run.flatMap(({ message }) => message.blocks) } }]
  })
}

function canJoin(first: Message, next: Message): boolean {
  const areAssistants = first.role === "assistant" && next.role === "assistant"
  return areAssistants && first.name === next.name && next.extra === undefined
}

function callsOf(message: Message): readonly ToolCallBlock[] {
  if (message.role !== "assistant") return []
  return message.blocks.filter((block) => block.type === "tool-call")
}

function resultsById(units: readonly Unit[]): ReadonlyMap<string, number[]> {
  const positions = new Map<string, number[]>()
  for (const [position, unit] of units.entries()) {
    if (unit.kind !== "result") continue
    const known = positions.get(unit.block.callId)
    if (known === undefined) positions.set(unit.block.callId, [position])
    else known.push(position)
  }
  for (const list of positions.values()) list.reverse()
  return positions
}

const MAX_CALLS = 2 ** 20

function slotOf(position: number, call: number): number {
  return position * MAX_CALLS + call
}

/** `slotOf` a call to the position of the next assistant message that uses the same id again. */
function nextCallPositions(units: readonly Unit[]): ReadonlyMap<number, number> {
  const next = new Map<number, number>()
  const later = new Map<string, number>()
  for (let position = units.length - 1; position >= 0; position -= 1) {
    const unit = units[position]
    if (unit === undefined || unit.kind === "result") continue
    const calls = callsOf(unit.message)
    for (const [index, call] of calls.entries()) {
      const known = later.get(call.id)
      if (known !== undefined) next.set(slotOf(position, index), known)
    }
    for (const call of calls) later.set(call.id, position)
  }
  return next
}

/** Positions stand last first; those before the call can belong to nobody any more. */
function takeResult(
  positions: number[] | undefined,
  units: readonly Unit[],
  after: number,
  before: number,
): ToolResultBlock | null {
  if (positions === undefined) return null
  for (let at = positions.pop(); at !== undefined; at = positions.pop()) {
    if (at >= before) {
      positions.push(at)
      return null
    }
    const unit = units[at]
    if (at <= after || unit?.kind !== "result") continue
    unit.used = true
    return unit.block
  }
  return null
}

function missing(call: ToolCallBlock, index: number, losses: Losses): ToolResultBlock {
  losses.add("tool-result-missing", `messages[${index}]`)
  const content = [{ type: "text", text: MISSING_RESULT_TEXT }] as const
  return { type: "tool-result", callId: call.id, kind: call.kind, isError: true, content }
}

function declareUnused(units: readonly Unit[], answered: ReadonlySet<string>, losses: Losses): void {
  for (const unit of units) {
    if (unit.kind !== "result" || unit.used) continue
    const code = answered.has(unit.block.callId) ? "tool-result-duplicate" : "tool-result-orphan"
    losses.add(code, `messages[${unit.index}].blocks[${unit.at}]`)
  }
}
