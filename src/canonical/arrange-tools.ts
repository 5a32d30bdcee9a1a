/** The tools, and the choice among them, as a target takes them: the counterpart of `arrange`. */

import { FORMS } from "./forms.ts"
import { Losses, type Loss } from "./loss.ts"
import type { Dialect, Extra } from "./origin.ts"
import type { Request } from "./request.ts"
import type { TargetFacts } from "./target.ts"
import type { CustomTool, FunctionTool, Tool, ToolChoice, ToolRef } from "./tool.ts"

export interface ArrangedTools {
  /**
   * What the writer declares, in order: function and custom tools, and raw tools of the target's own dialect. Cache
   * marks are left to the writer, and so is the wrapping of custom tools (name table).
   */
  readonly tools: readonly Tool[]
  /** `allowed` only for Responses, `raw` only for the target's own dialect; absent when there is nothing to choose. */
  readonly choice?: ToolChoice
  readonly parallel?: boolean
  readonly losses: readonly Loss[]
}

/** Claude Code's stand-in for tools that load on demand; useless where all are declared. */
const PLACEHOLDER = "DeferredToolPlaceholder"

export function arrangeTools(request: Request, facts: TargetFacts): ArrangedTools {
  const losses = new Losses()
  const { dialect } = facts.issuer
  const own = request.tools.flatMap((tool, index) => toolFor(tool, request.dialect, facts, losses, `tools[${index}]`))
  const { namesAllowed, callsNeedTools } = FORMS[dialect]
  const tools = namesAllowed ? own : allowedOf(own, request.toolChoice)
  const redeclared = tools.length === 0 && callsNeedTools ? calledTools(request) : []
  if (redeclared.length > 0) {
    if (isForced(request.toolChoice)) losses.add("tool-choice", "toolChoice")
    return { tools: redeclared, choice: { mode: "none" }, losses: losses.list() }
  }
  const known = request.dialect === dialect ? [...tools, ...request.tools.filter(isInline)] : tools
  const choice = choiceFor(request.toolChoice, known, dialect, losses)
  const parallel = parallelFor(request, known, facts, losses)
  return {
    tools,
    ...(choice === undefined ? {} : { choice }),
    ...(parallel === undefined ? {} : { parallel }),
    losses: losses.list(),
  }
}

function isForced(choice: ToolChoice | undefined): boolean {
  if (choice === undefined || choice.mode === "auto" || choice.mode === "none") return false
  return choice.mode !== "allowed" || choice.need === "required"
}

/** Its own dialect declares such a tool in the conversation, and chooses it like any other. */
function isInline(tool: Tool): boolean {
  return tool.type !== "raw" && tool.inline === true
}

function toolFor(tool: Tool, from: Dialect, facts: TargetFacts, losses: Losses, path: string): readonly Tool[] {
  const { dialect } = facts.issuer
  if (tool.type === "raw") {
    if (tool.dialect === dialect) return tool.inline === true ? [] : [tool]
    if (tool.as !== undefined) return [strictly(tool.as, false, facts, losses, path)]
    losses.add(tool.runs === "provider" ? "tool-hosted" : "tool-client", path)
    return []
  }
  const isHome = from === dialect
  if (isHome ? isInline(tool) : tool.name === PLACEHOLDER) return []
  return [
    tool.type === "custom" ? common(tool, isHome, facts, losses, path) : strictly(tool, isHome, facts, losses, path),
  ]
}

function strictly(tool: FunctionTool, isHome: boolean, facts: TargetFacts, losses: Losses, path: string): FunctionTool {
  const kept = common(tool, isHome, facts, losses, path)
  if (facts.strictTools || kept.strict === undefined) return kept
  if (kept.strict) losses.add("tool-strict", path)
  const { strict: _strict, ...rest } = kept
  return rest
}

interface LooseTool {
  extra?: Extra
  deferred?: true
  inline?: true
}

function common<T extends FunctionTool | CustomTool>(
  tool: T,
  isHome: boolean,
  facts: TargetFacts,
  losses: Losses,
  path: string,
): T {
  const dropsExtra = tool.extra !== undefined && tool.extra.dialect !== facts.issuer.dialect
  if (isHome && !dropsExtra) return tool
  if (dropsExtra) losses.add("block-field", path)
  if (!isHome && tool.deferred === true) losses.add("tool-deferred", path)
  const kept = { ...tool }
  const loose: LooseTool = kept
  if (dropsExtra) delete loose.extra
  if (!isHome) delete loose.deferred
  if (!isHome) delete loose.inline
  return kept
}

/** Anthropic refuses a history with calls when no tool is declared: those called are declared, and may not be called. */
function calledTools(request: Request): readonly FunctionTool[] {
  const called = new Map<string, FunctionTool>()
  for (const { blocks } of request.messages) {
    for (const block of blocks) {
      if (block.type !== "tool-call") continue
      const { name, namespace } = block
      called.set(JSON.stringify([namespace, name]), { type: "function", name, namespace })
    }
  }
  return [...called.values()]
}

function allowedOf(tools: readonly Tool[], choice: ToolChoice | undefined): readonly Tool[] {
  if (choice?.mode !== "allowed") return tools
  const isAllowed = anyOf(choice.tools)
  return tools.filter((tool) => tool.type !== "raw" && isAllowed(tool))
}

function keyOf({ name, namespace }: ToolRef): string {
  return JSON.stringify([namespace, name])
}

/** Whether a tool is one that `refs` name: a name without a namespace fits in any. */
function anyOf(refs: readonly ToolRef[]): (tool: ToolRef) => boolean {
  const known = new Set(refs.map(keyOf))
  return (tool) => known.has(keyOf(tool)) || known.has(keyOf({ ...tool, namespace: null }))
}

function isSame(left: ToolRef, right: ToolRef): boolean {
  return left.name === right.name && (left.namespace === null || left.namespace === right.namespace)
}

function choiceFor(
  choice: ToolChoice | undefined,
  tools: readonly Tool[],
  dialect: Dialect,
  losses: Losses,
): ToolChoice | undefined {
  if (choice === undefined) return undefined
  const isHarmless = choice.mode === "auto" || choice.mode === "none"
  if (tools.length === 0 && isHarmless) return undefined
  const isLost =
    tools.length === 0 ||
    (choice.mode === "raw" && choice.dialect !== dialect) ||
    (choice.mode === "tool" && !tools.some((tool) => tool.type !== "raw" && isSame(choice.tool, tool)))
  if (isLost) {
    losses.add("tool-choice", "toolChoice")
    return undefined
  }
  if (choice.mode !== "allowed") return choice
  if (!FORMS[dialect].namesAllowed) return { mode: choice.need }
  const { raw, ...own } = choice
  return raw?.dialect === dialect ? { mode: "raw", dialect, raw: raw.choice } : own
}

function parallelFor(
  request: Request,
  tools: readonly Tool[],
  facts: TargetFacts,
  losses: Losses,
): boolean | undefined {
  if (tools.length === 0 || request.parallelToolCalls === undefined) return undefined
  if (facts.parallelToolControl) return request.parallelToolCalls
  if (!request.parallelToolCalls) losses.add("tool-parallel", "parallelToolCalls")
  return undefined
}
