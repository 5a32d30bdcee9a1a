/** Judgements that several checks share. */
import type { ToolCallBlock } from "../canonical/block.ts"
import { isObject, parseExact, type JsonObject } from "../canonical/json.ts"
import type { Message } from "../canonical/request.ts"
import type { Reply } from "../canonical/reply.ts"
import type { FunctionTool } from "../canonical/tool.ts"
import { callsOf, fail, textOf } from "./check.ts"

export function said(text: string): Message {
  return { role: "user", blocks: [{ type: "text", text }] }
}

/** An answer as a turn of the conversation that goes on. */
export function turnOf({ blocks }: Reply): Message {
  return { role: "assistant", blocks }
}

export function resultOf({ id, kind }: ToolCallBlock, text: string): Message {
  return {
    role: "user",
    blocks: [{ type: "tool-result", callId: id, kind, isError: false, content: [{ type: "text", text }] }],
  }
}

/** @throws Judgement where the answer does not hold the word */
export function expectWord(reply: Reply, word: string, what: string): void {
  if (!textOf(reply).toLowerCase().includes(word)) fail(`${what} does not hold the word that was to be repeated`)
}

export function echo(word: string): string {
  return `Answer with this one word and nothing else: ${word}`
}

export const TOOL: FunctionTool = {
  type: "function",
  name: "record_reading",
  namespace: null,
  description: "Records the reading of a station and returns a receipt.",
  schema: {
    type: "object",
    properties: { station: { type: "string" }, level: { type: "integer" }, urgent: { type: "boolean" } },
    required: ["station", "level", "urgent"],
    additionalProperties: false,
  },
}

export interface Reading {
  readonly station: string
  readonly level: number
  readonly urgent: boolean
}

export function readingText({ station, level, urgent }: Reading): string {
  return `station "${station}", level ${level}, urgent ${urgent}`
}

/** @throws Judgement where the call is of another tool */
export function expectName({ name }: ToolCallBlock): void {
  if (name !== TOOL.name) fail("the call names another tool than the one that is declared")
}

/** @throws Judgement where the arguments are not exactly those that were given */
export function expectReading(call: ToolCallBlock, reading: Reading): void {
  expectName(call)
  const given = objectFrom(call.arguments)
  if (given === null) fail("the arguments of the call are no JSON object")
  expectSame(given, { ...reading }, "the arguments of the call")
}

export function expectSame(given: JsonObject, asked: JsonObject, what: string): void {
  const names = Object.keys(asked)
  for (const name of names) {
    if (!Object.hasOwn(given, name)) fail(`${what}: the member ${name} is missing`)
    if (given[name] !== asked[name]) fail(`${what}: ${name} is another than the one that was given`)
  }
  if (Object.keys(given).length !== names.length) fail(`${what}: there are members that the schema forbids`)
}

/** Null: it is no JSON object. */
export function objectFrom(text: string): JsonObject | null {
  try {
    const value = parseExact(text)
    return isObject(value) ? value : null
  } catch {
    return null
  }
}

/** @throws Judgement where the answer does not hold so many calls */
export function expectCalls(reply: Reply, count: number): readonly ToolCallBlock[] {
  const calls = callsOf(reply)
  if (calls.length !== count) fail(`${count} calls were to be made, the answer holds ${calls.length}`)
  if (reply.stop.is !== "tool-calls") fail("the answer holds calls and its end does not say so")
  return calls
}
