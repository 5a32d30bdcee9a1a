/**
 * The conversation as a target takes it: the one place that repairs and regroups, so that readers can be faithful and
 * writers simple. A request writer calls `arrange` first and writes what it gets, in order.
 */

import type { Block, ToolResultBlock } from "./block.ts"
import { identifyCalls } from "./call-ids.ts"
import { blocksFor, type Receiver } from "./foreign.ts"
import { Losses, type Loss } from "./loss.ts"
import { FORMS, type Form } from "./forms.ts"
import { pairResults } from "./pairing.ts"
import type { Message, Request } from "./request.ts"
import type { TargetFacts } from "./target.ts"

export interface Arranged {
  /** System text that stands before the conversation. Messages: leading system messages are in here too. */
  readonly instructions: readonly Block[]
  /**
   * No message is empty, but for one whose `extra` is of the target's own dialect. Results stand in one message directly behind their calls, in the calls' order: a `tool`
   * message for Chat and Responses (where `isError` is always false: the text says it), the beginning of a `user` message
   * for Messages. Assistant messages never stand next
   * to each other unless they differ in `name` or `extra`; for Messages no two of one role do.
   */
  readonly messages: readonly Message[]
  readonly losses: readonly Loss[]
}

/** Begins the system block in which Claude Code names itself for billing; it differs in every conversation. */
export const ATTRIBUTION_PREFIX = "x-anthropic-billing-header:"
/** Stands before system text that had to become user text. */
export const SYSTEM_MARK = "[system message]\n"
/** Stands before the text of a failed tool result where there is no flag for it. */
export const ERROR_MARK = "[tool error] "
/** The user message that a conversation without one gets. */
export const MINIMAL_TURN = "."

export function arrange(request: Request, facts: TargetFacts): Arranged {
  const losses = new Losses()
  const { dialect } = facts.issuer
  const form = FORMS[dialect]
  const takes = { images: facts.images, documents: facts.documents, audio: form.audio }
  const receiver: Receiver = { dialect, losses, side: "request", takes }
  const keep = (blocks: readonly Block[]): readonly Block[] =>
    facts.stripAttribution ? blocks.filter((block) => !isAttribution(block)) : blocks
  const head = keep(blocksFor(request.instructions, receiver, "instructions"))
  const received = request.messages.map((message, index) => messageFor(message, receiver, form, index))
  const own = request.dialect === dialect ? received : identifyCalls(received, form.repeatedIds)
  const stripped = facts.stripAttribution
    ? own.map((message) => (isSystem(message) ? { ...message, blocks: keep(message.blocks) } : message))
    : own
  const { previousResponseId, conversation, thread } = request.state
  const keepOrphans = previousResponseId !== undefined || conversation !== undefined || thread !== undefined
  const options = { repair: facts.repairToolResults, keepOrphans }
  const paired = pairResults(stripped, options, losses)
  const leading = paired.findIndex((message) => !isSystem(message) || message.extra !== undefined)
  const leadCount = leading === -1 ? paired.length : leading
  const hoisted = form.hoists || !facts.midSystem ? paired.slice(0, leadCount) : []
  const placed = facts.midSystem ? paired : placeSystem(paired, leadCount, stripped, losses)
  const behind = placed.slice(hoisted.length)
  const placeOf = placesOfResults(own)
  const rest = form.errorFlag ? behind : behind.map((message) => markErrors(message, placeOf, losses))
  const lifted = facts.toolResultMedia ? rest : rest.flatMap((message) => liftMedia(message, placeOf, losses))
  const shaped = form.alternates ? startWithUser(alternate(lifted), losses) : inRoles(lifted, facts.roles, losses)
  return {
    instructions: [...head, ...hoisted.flatMap((message) => message.blocks)],
    messages: withoutPrefill(shaped, facts, losses),
    losses: losses.list(),
  }
}

/** For targets whose results are messages of their own. */
function inRoles(messages: readonly Message[], roles: TargetFacts["roles"], losses: Losses): readonly Message[] {
  if (roles === "free") return messages
  const joined = neighboursJoined(messages, (message) => message.role)
  if (roles === "joined") return joined
  return startWithUser(
    joined.flatMap((message, index) => behindResults(message, joined, index, losses)),
    losses,
  )
}

/** Templates that alternate (Mistral's) let no user message stand behind results: its text ends the last result, other content gets a turn before it. */
function behindResults(message: Message, all: readonly Message[], index: number, losses: Losses): readonly Message[] {
  const next = all[index + 1]
  if (message.role === "tool" && next?.role === "user" && isText(next)) return [withText(message, next, index, losses)]
  if (message.role !== "user" || all[index - 1]?.role !== "tool") return [message]
  if (isText(message)) return []
  losses.add("turn-added", `messages[${index}]`)
  return [{ role: "assistant", blocks: [{ type: "text", text: MINIMAL_TURN }] }, message]
}

function isText({ blocks }: Message): boolean {
  return blocks.every((block) => block.type === "text")
}

function withText(results: Message, { blocks }: Message, index: number, losses: Losses): Message {
  const last = results.blocks.findLastIndex((block) => block.type === "tool-result")
  losses.add("block-order", `messages[${index + 1}]`)
  return {
    ...results,
    blocks: results.blocks.map((block, at) =>
      at === last && block.type === "tool-result" ? { ...block, content: [...block.content, ...blocks] } : block,
    ),
  }
}

/** Neighbours of one role as one message: the form in which two spellings of one conversation are equal. */
export function alternate(messages: readonly Message[]): readonly Message[] {
  return neighboursJoined(messages, ({ role }) => (role === "tool" ? "user" : role))
}

function neighboursJoined(
  messages: readonly Message[],
  roleOf: (message: Message) => Message["role"],
): readonly Message[] {
  const runs: { role: Message["role"]; messages: Message[] }[] = []
  for (const message of messages) {
    const role = roleOf(message)
    const run = runs.at(-1)
    if (run?.role === role && message.extra === undefined) run.messages.push(message)
    else runs.push({ role, messages: [message] })
  }
  return runs.map(({ role, messages: joined }) => {
    const first = joined[0]
    if (first !== undefined && joined.length === 1 && first.role === role) return first
    return { ...first, role, blocks: joined.flatMap((message) => message.blocks) }
  })
}

function isSystem(message: Message): boolean {
  return message.role === "system" || message.role === "developer"
}

function isAttribution(block: Block): boolean {
  return block.type === "text" && block.text.startsWith(ATTRIBUTION_PREFIX)
}

function messageFor(message: Message, receiver: Receiver, form: Form, index: number): Message {
  const path = `messages[${index}]`
  const blocks = blocksFor(message.blocks, receiver, `${path}.blocks`)
  const dropsName = message.name !== undefined && !form.names
  const dropsExtra = message.extra !== undefined && message.extra.dialect !== receiver.dialect
  if (blocks === message.blocks && !dropsName && !dropsExtra) return message
  if (dropsName) receiver.losses.add("message-name", path)
  if (dropsExtra) receiver.losses.add("message-field", path)
  return {
    role: message.role,
    blocks,
    ...(message.name === undefined || dropsName ? {} : { name: message.name }),
    ...(message.extra === undefined || dropsExtra ? {} : { extra: message.extra }),
  }
}

/** System messages behind the first `leadCount` messages become user text; `asked` knows where the client had them. */
function placeSystem(
  messages: readonly Message[],
  leadCount: number,
  asked: readonly Message[],
  losses: Losses,
): readonly Message[] {
  const positions = new Map(asked.map((message, index) => [message, index]))
  return messages.map((message, index) => {
    if (index < leadCount || !isSystem(message)) return message
    losses.add("system-position", `messages[${positions.get(message) ?? index}]`)
    return { role: "user", blocks: marked(message.blocks, SYSTEM_MARK) }
  })
}

function marked(blocks: readonly Block[], mark: string): readonly Block[] {
  const [first, ...rest] = blocks
  if (first?.type === "text") return [{ ...first, text: mark + first.text }, ...rest]
  return [{ type: "text", text: mark.trim() }, ...blocks]
}

/** Where the client had the result of a call; null: nowhere, it was made up for a call without one. */
function placesOfResults(messages: readonly Message[]): (callId: string) => string | null {
  let places: Map<string, string> | null = null
  return (callId) => {
    places ??= new Map(
      messages.flatMap(({ blocks }, index) =>
        blocks.flatMap((block, at): [string, string][] =>
          block.type === "tool-result" ? [[block.callId, `messages[${index}].blocks[${at}]`]] : [],
        ),
      ),
    )
    return places.get(callId) ?? null
  }
}

type PlaceOfResult = ReturnType<typeof placesOfResults>

function markErrors(message: Message, placeOf: PlaceOfResult, losses: Losses): Message {
  if (!message.blocks.some((block) => block.type === "tool-result" && block.isError)) return message
  const blocks = message.blocks.map((block): Block => {
    if (block.type !== "tool-result" || !block.isError) return block
    const place = placeOf(block.callId)
    if (place !== null) losses.add("tool-result-error", place)
    return { ...block, isError: false, content: marked(block.content, ERROR_MARK) }
  })
  return { ...message, blocks }
}

const MEDIA: readonly Block["type"][] = ["image", "document", "audio"]

/** Media of tool results stand in a user message behind the results, in order, each group under the id of its call. */
function liftMedia(message: Message, placeOf: PlaceOfResult, losses: Losses): readonly Message[] {
  if (message.role !== "tool") return [message]
  const lifted: Block[] = []
  const blocks = message.blocks.map((block) => {
    if (block.type !== "tool-result" || !block.content.some((inner) => MEDIA.includes(inner.type))) return block
    losses.add("tool-result-media", placeOf(block.callId) ?? "messages")
    lifted.push({ type: "text", text: `[from the result of tool call ${block.callId}]` })
    lifted.push(...block.content.filter((inner) => MEDIA.includes(inner.type)))
    return withoutMedia(block)
  })
  return lifted.length === 0
    ? [message]
    : [
        { ...message, blocks },
        { role: "user", blocks: lifted },
      ]
}

function withoutMedia(block: ToolResultBlock): ToolResultBlock {
  const content = block.content.map((inner): Block => {
    return MEDIA.includes(inner.type) ? { type: "text", text: `[${inner.type}: see the next user message]` } : inner
  })
  return { ...block, content }
}

function startWithUser(messages: readonly Message[], losses: Losses): readonly Message[] {
  if (messages[0] !== undefined && messages[0].role !== "assistant") return messages
  losses.add("turn-added", "messages")
  return [{ role: "user", blocks: [{ type: "text", text: MINIMAL_TURN }] }, ...messages]
}

function withoutPrefill(messages: readonly Message[], facts: TargetFacts, losses: Losses): readonly Message[] {
  const last = messages.at(-1)
  // A turn with a step of the vendor's own is sent back to go on (Messages `pause_turn`), which every target takes.
  const isPrefill =
    last?.role === "assistant" && !last.blocks.some((block) => block.type === "tool-call" || block.type === "raw")
  if (facts.prefill || !isPrefill || messages.length < 2) return messages
  losses.add("prefill", `messages[${messages.length - 1}]`)
  return messages.slice(0, -1)
}
