/** What a policy answered, against what it may answer: the one judge of scripts and policy services. */
import type { Target } from "../../config/snapshot.ts"

export interface Decision {
  /** The complete retry set, in order; never empty, nothing twice. */
  readonly order: readonly Target[]
  readonly classLabel: string | null
}

/** A closed list. */
export type DecisionFault =
  /** No JSON object. */
  | "not-json"
  /** No target is named, or in a form that means nothing. */
  | "bad-decision"
  /** It names a target that is not among the eligible ones. */
  | "unknown-target"

/** Stands for a label that must not be stored. */
export const UNSAFE_LABEL = "unsafe_class_label"
const LABEL = /^[A-Za-z0-9_.:-]{1,64}$/

type Fields = Readonly<Record<string, unknown>>

export function decisionOf(json: string, eligible: readonly Target[]): Decision | DecisionFault {
  let answer: unknown
  try {
    answer = JSON.parse(json)
  } catch {
    return "not-json"
  }
  return isFields(answer) ? judged(answer, eligible) : "bad-decision"
}

/** The label of an answer that is no decision: it may say why. */
export function labelOfFault(json: string, eligible: readonly Target[]): string | null {
  try {
    const answer: unknown = JSON.parse(json)
    return isFields(answer) ? labelOf(answer["classLabel"], eligible) : null
  } catch {
    return null
  }
}

export function isDecision(verdict: Decision | DecisionFault): verdict is Decision {
  return typeof verdict === "object"
}

function judged(answer: Fields, eligible: readonly Target[]): Decision | DecisionFault {
  const chosen = chosenOf(answer, eligible)
  if (typeof chosen === "string") return chosen
  const fallbacks = fallbacksOf(answer, chosen, eligible)
  if (typeof fallbacks === "string") return fallbacks
  return { order: [...new Set([chosen, ...fallbacks])], classLabel: labelOf(answer["classLabel"], eligible) }
}

/** `targetIndex`, `target: {provider, model}`, or `provider` and `model` of the answer itself: exactly one of them. */
function chosenOf(answer: Fields, eligible: readonly Target[]): Target | DecisionFault {
  const named = [answer["targetIndex"], answer["target"], answer["provider"] ?? answer["model"]].map(isSaid)
  if (named.filter(Boolean).length !== 1) return "bad-decision"
  if (named[0] === true) return atIndex(answer["targetIndex"], eligible)
  return selected(named[1] === true ? answer["target"] : answer, eligible)
}

/** Said nothing: all others in order. Said something: exactly these; an empty list is no retry at all. */
function fallbacksOf(answer: Fields, chosen: Target, eligible: readonly Target[]): readonly Target[] | DecisionFault {
  const { fallbackIndexes, fallbacks } = answer
  if (!isSaid(fallbackIndexes) && !isSaid(fallbacks)) return eligible.filter((target) => target !== chosen)
  if (isSaid(fallbackIndexes) && isSaid(fallbacks)) return "bad-decision"
  const list = isSaid(fallbackIndexes) ? fallbackIndexes : fallbacks
  if (!Array.isArray(list)) return "bad-decision"
  const found: Target[] = []
  for (const entry of list as readonly unknown[]) {
    const target = isSaid(fallbackIndexes) ? atIndex(entry, eligible) : selectedOrAt(entry, eligible)
    if (typeof target === "string") return target
    found.push(target)
  }
  return found
}

function selectedOrAt(entry: unknown, eligible: readonly Target[]): Target | DecisionFault {
  return typeof entry === "number" ? atIndex(entry, eligible) : selected(entry, eligible)
}

function atIndex(index: unknown, eligible: readonly Target[]): Target | DecisionFault {
  if (typeof index !== "number" || !Number.isInteger(index)) return "bad-decision"
  return eligible[index] ?? "unknown-target"
}

/** The first that fits; `model` is the upstream's id, or the catalogue's name of it. */
function selected(selector: unknown, eligible: readonly Target[]): Target | DecisionFault {
  if (!isFields(selector)) return "bad-decision"
  const { provider, model } = selector
  if (typeof provider !== "string" || typeof model !== "string") return "bad-decision"
  const fits = eligible.filter((target) => target.provider.name === provider)
  const found = fits.find((target) => target.model === model) ?? fits.find((target) => target.modelRef === model)
  return found ?? "unknown-target"
}

/** Nothing that could be a provider's host gets into rows. */
function labelOf(label: unknown, eligible: readonly Target[]): string | null {
  if (!isSaid(label)) return null
  if (typeof label !== "string" || !LABEL.test(label)) return UNSAFE_LABEL
  return eligible.some(({ provider }) => label.search(provider.secrets) >= 0) ? UNSAFE_LABEL : label
}

function isSaid(value: unknown): boolean {
  return value !== undefined && value !== null
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value)
}
