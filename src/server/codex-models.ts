/**
 * The model catalogue that Codex CLI reads (`model_catalog_url`, `model_catalog_json`): without an entry it works with a
 * model as with an unknown one, without its patch tool. One entry that it cannot read makes it drop the whole catalogue,
 * so an entry holds every member that any version of its reader demands, and closed words only.
 * https://github.com/openai/codex/blob/main/codex-rs/protocol/src/openai_models.rs (`ModelInfo`)
 */
import type { Group, Target } from "../config/snapshot.ts"
import { WIRES } from "../dialects/wires.ts"
import type { Gateway } from "../pipeline/gateway.ts"
import type { Incoming, Outgoing } from "../pipeline/message.ts"
import { json } from "./plain.ts"
import { visibleGroups } from "./visible-groups.ts"

const EFFORTS = [
  { effort: "low", description: "Quick answers with little thought" },
  { effort: "medium", description: "A balance of speed and depth" },
  { effort: "high", description: "More thought for hard problems" },
] as const
/** Offered where every target takes it. */
const HIGHEST = { effort: "xhigh", description: "The most thought, for the hardest problems" } as const

/** Of a tool's output, how much Codex shows the model at most. */
const TRUNCATION = { mode: "tokens", limit: 10_000 } as const

/** Codex has no words of its own for a model that it learns of from a catalogue. */
const INSTRUCTIONS = [
  "You are a coding agent. You work with the user in their repository, through the tools of a command-line program.",
  "Look at the code before you change it, and follow the instructions and conventions that you find there.",
  "Search with `rg`, and edit files with the apply_patch tool where you have it.",
  "Keep to what was asked: small, focused changes that fix causes rather than symptoms.",
  "Never undo changes that you did not make, and never run destructive commands, unless you are told to.",
  "Go on until the task is done, check your work with the project's own tests and tools where you can, and say plainly what you could not check.",
  "Write short, factual messages: what you did, where, and what is left to decide.",
].join("\n")

export function codexModels(request: Incoming, gateway: Gateway): Outgoing {
  return json({ models: codexCatalogue(visibleGroups(request, gateway)) })
}

/** Groups that no call of Codex can be served by are left out. */
export function codexCatalogue(groups: readonly (readonly [id: string, group: Group])[]): readonly object[] {
  return groups
    .map(([id, group]) => ({ id, contract: group.contract, targets: servingTargets(group) }))
    .filter(({ targets }) => targets.length > 0)
    .map(({ id, contract, targets }, index) => entryOf(id, contract, targets, index))
}

/** Targets of the dialect of Codex, and those of other dialects that say that they take tools: every call of Codex has some. */
function servingTargets({ targets, translation }: Group): readonly Target[] {
  return targets.filter((target) =>
    isNative(target)
      ? target.capabilities.tools !== false
      : translation !== "off" && target.capabilities.tools === true,
  )
}

function isNative({ dialect }: Target): boolean {
  return WIRES[dialect].isOfCodex
}

/** `order`: the list's, the lowest first. */
function entryOf(id: string, contract: Group["contract"], targets: readonly Target[], order: number): object {
  const reasons = targets.some(({ capabilities }) => capabilities.reasoning === true)
  const sees = targets.some((target) => target.capabilities.images ?? isNative(target))
  const contexts = targets.flatMap(({ limits }) => (limits.contextTokens === null ? [] : [limits.contextTokens]))
  return {
    slug: id,
    display_name: contract?.displayName ?? id,
    description: contract?.notes ?? null,
    ...(reasons ? { default_reasoning_level: "medium" } : {}),
    supported_reasoning_levels: reasons ? levelsOf(targets) : [],
    shell_type: "unified_exec",
    visibility: "list",
    supported_in_api: true,
    priority: order + 1,
    upgrade: null,
    base_instructions: INSTRUCTIONS,
    // switches on that Codex asks for reasoning at all
    supports_reasoning_summaries: reasons,
    support_verbosity: targets.every(isNative),
    default_verbosity: null,
    apply_patch_tool_type: "freeform",
    // it compacts a conversation in time for what any target can hold; without a number it does not know when
    ...(contexts.length === 0 ? {} : { context_window: Math.min(...contexts) }),
    truncation_policy: TRUNCATION,
    supports_parallel_tool_calls: true,
    experimental_supported_tools: [],
    input_modalities: sees ? ["text", "image"] : ["text"],
  }
}

function levelsOf(targets: readonly Target[]): readonly object[] {
  const takeMore = targets.every(({ facts }) => facts.reasoning.efforts?.includes(HIGHEST.effort) === true)
  return takeMore ? [...EFFORTS, HIGHEST] : EFFORTS
}
