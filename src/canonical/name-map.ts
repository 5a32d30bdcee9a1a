/**
 * Tool names between a client, whose names may hold dots, be long and stand in namespaces, and an upstream that takes
 * one flat word of at most 64 characters. A name's wire form depends on that name alone, so that the same conversation
 * gives the same bytes turn after turn; only two names with the same wire form are told apart by their order. The table
 * of a request reads the answer: it belongs into the `ReplyContext`.
 */

import type { Block, ToolKind } from "./block.ts"
import { fingerprint } from "./fingerprint.ts"
import type { Message } from "./request.ts"
import type { Tool, ToolRef } from "./tool.ts"

export interface NameRules {
  /** `word`: [A-Za-z0-9_-]. */
  readonly alphabet: "any" | "word"
  readonly maxChars: number
  /** False: namespaces are flattened into the name. */
  readonly namespaces: boolean
}

/** What OpenAI and Anthropic both take. */
export const COMMON_NAME_RULES: NameRules = { alphabet: "word", maxChars: 64, namespaces: false }

export interface NamedTool extends ToolRef {
  readonly kind: ToolKind
  /** What stands on the wire instead. Equal to `name` where nothing had to change. */
  readonly wire: string
  /** True where a custom tool goes upstream as a function of one string (`wrapInput`), and its calls come back so. */
  readonly wrapped: boolean
}

/** What a table is made of: plain values, which can go into another thread. */
export interface NameParts {
  /** Those that the request declares, then those of its history. */
  readonly tools: readonly NamedTool[]
  /** How many of them are declared. */
  readonly declared: number
  /** Which of them a name alone means; -1: several share it. */
  readonly byName: readonly (readonly [name: string, index: number])[]
  readonly rules: NameRules
}

export interface NameTable {
  parts(): NameParts
  /** For a request writer: the wire name of a tool, also of one that only the history knows. */
  wire(ref: ToolRef): string
  /**
   * For a reply reader: the tool behind a wire name. A name that nobody declared is taken as it is, a function without
   * namespace: models invent names, and the client is the one to say so.
   */
  named(wire: string, namespace?: string | null): NamedTool
  /** For a request writer: kind and wrapping of a call in the history; undefined when its tool is not declared. */
  declared(ref: ToolRef): NamedTool | undefined
}

const SEPARATOR = "__"
const MARK_CHARS = 8

export interface NameOptions {
  readonly rules: NameRules
  /** Can the target take custom tools as they are? */
  readonly customTools: boolean
}

/** Declared function and custom tools first, in order, then the names that occur only in the history. */
export function buildNameTable(tools: readonly Tool[], messages: readonly Message[], options: NameOptions): NameTable {
  const byRef = new Map<string, NamedTool>()
  const byWire = new Map<string, NamedTool>()
  const byName = new Map<string, NamedTool | null>()
  const add = (ref: ToolRef, kind: ToolKind): NamedTool => {
    const key = keyOf(ref)
    const known = byRef.get(key)
    if (known !== undefined) return known
    const wire = freeName(ref, options.rules, byWire)
    const wrapped = kind === "custom" && !options.customTools
    const tool: NamedTool = { name: ref.name, namespace: ref.namespace, kind, wire, wrapped }
    byRef.set(key, tool)
    byWire.set(wireKey(wire, options.rules.namespaces ? ref.namespace : null), tool)
    return tool
  }
  for (const tool of tools) {
    if (tool.type === "raw") continue
    const named = add(tool, tool.type)
    byName.set(tool.name, byName.has(tool.name) ? null : named)
  }
  const declared = new Map(byRef)
  const table = tableOf({ declared, byRef, byWire, byName }, options.rules)
  for (const call of callsIn(messages)) if (table.declared(call) === undefined) add(call, call.kind)
  return table
}

/** The table that the parts came from. */
export function nameTable({ tools, declared: count, byName, rules }: NameParts): NameTable {
  const byRef = new Map(tools.map((tool) => [keyOf(tool), tool]))
  const byWire = new Map(tools.map((tool) => [wireKey(tool.wire, rules.namespaces ? tool.namespace : null), tool]))
  const named = byName.map(([name, index]) => [name, tools[index] ?? null] as const)
  const declared = new Map([...byRef].slice(0, count))
  return tableOf({ declared, byRef, byWire, byName: new Map(named) }, rules)
}

interface Lists {
  readonly declared: ReadonlyMap<string, NamedTool>
  readonly byRef: ReadonlyMap<string, NamedTool>
  readonly byWire: ReadonlyMap<string, NamedTool>
  /** Null: several share the name. */
  readonly byName: ReadonlyMap<string, NamedTool | null>
}

function tableOf({ declared, byRef, byWire, byName }: Lists, rules: NameRules): NameTable {
  const find = (ref: ToolRef): NamedTool | undefined =>
    declared.get(keyOf(ref)) ?? (ref.namespace === null ? (byName.get(ref.name) ?? undefined) : undefined)
  return {
    parts: () => {
      const tools = [...byRef.values()]
      const places = new Map(tools.map((tool, index) => [tool, index]))
      const names = [...byName].map(([name, tool]) => [name, tool === null ? -1 : (places.get(tool) ?? -1)] as const)
      return { tools, declared: declared.size, byName: names, rules }
    },
    wire: (ref) => (find(ref) ?? byRef.get(keyOf(ref)) ?? { wire: wireName(ref, rules) }).wire,
    declared: find,
    named: (wire, namespace = null) =>
      byWire.get(wireKey(wire, namespace)) ??
      byName.get(wire) ?? { name: wire, namespace, kind: "function", wire, wrapped: false },
  }
}

function keyOf(ref: ToolRef): string {
  return JSON.stringify([ref.namespace, ref.name])
}

function wireKey(wire: string, namespace: string | null): string {
  return namespace === null ? wire : JSON.stringify([namespace, wire])
}

function freeName(ref: ToolRef, rules: NameRules, taken: ReadonlyMap<string, NamedTool>): string {
  const scope = rules.namespaces ? ref.namespace : null
  let wire = wireName(ref, rules)
  for (let attempt = 0; taken.has(wireKey(wire, scope)); attempt += 1) {
    wire = marked(wire, `${keyOf(ref)}${attempt}`, rules)
  }
  return wire
}

function wireName(ref: ToolRef, rules: NameRules): string {
  const whole = rules.namespaces || ref.namespace === null ? ref.name : `${ref.namespace}${SEPARATOR}${ref.name}`
  const legal = rules.alphabet === "any" ? whole : whole.replaceAll(/[^A-Za-z0-9_-]/g, "_")
  return legal === whole && legal !== "" && legal.length <= rules.maxChars ? legal : marked(legal, keyOf(ref), rules)
}

/** A name that had to change carries a fingerprint of the original, so that `a.b` and `a_b` stay apart. */
function marked(name: string, original: string, rules: NameRules): string {
  return `${name.slice(0, rules.maxChars - MARK_CHARS - 1)}_${fingerprint(original, MARK_CHARS)}`
}

function* callsIn(messages: readonly Message[]): Generator<Extract<Block, { type: "tool-call" }>> {
  for (const message of messages) {
    for (const block of message.blocks) if (block.type === "tool-call") yield block
  }
}
