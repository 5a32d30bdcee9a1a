/** What a policy service is asked. No content, unless the operator says so. */
import type { Group, Target } from "../../config/snapshot.ts"
import type { ExternalSettings } from "../../config/compile/policy-settings.ts"
import type { CallFacts } from "../strategy.ts"
import { callerJson, contextOf } from "./call-context.ts"
import { bodyWithContent } from "./call-text.ts"
import { conversationKey, type ConversationKey } from "./conversation-key.ts"
import { targetFactsOf } from "./target-facts.ts"
import { verifierHint, type HintedBy } from "./verifier-hint.ts"

export interface ExternalRequest {
  readonly body: Uint8Array
  readonly conversation: ConversationKey | null
}

/** The targets of a group as JSON, once per configuration. */
const described = new WeakMap<Group, ReadonlyMap<Target, string>>()

/** Rejects with RouterError `overloaded` where too much work on large bodies waits. */
export async function externalRequest(
  eligible: readonly Target[],
  call: CallFacts,
  settings: ExternalSettings,
  nowUnixMs: number,
): Promise<ExternalRequest> {
  const { conversationSalt: salt } = settings
  const conversation = salt === null ? null : await conversationKey(call, salt)
  const hasCounts = call.recorded?.hasCounts ?? true
  if (!hasCounts) call.recorded?.onMissed("counts")
  const counts = hasCounts ? await call.large?.counts() : undefined
  const context = { ...contextOf(call, hasCounts && counts === undefined), ...counts, ...conversation }
  const known = described.get(call.group) ?? describe(call.group)
  const modalities = (call.shape?.imageCount ?? 0) > 0 ? ["text", "image"] : ["text"]
  const members = [
    `"group":${JSON.stringify(call.group.name)}`,
    `"requestId":${JSON.stringify(call.id)}`,
    `"context":${JSON.stringify(context)}`,
    `"inputModalities":${JSON.stringify(modalities)}`,
    `"requirements":${JSON.stringify(requirementsOf(call))}`,
    `"caller":${callerJson(call)}`,
    ...(settings.contract === null ? [] : [`"contract":${JSON.stringify(settings.contract)}`]),
    `"targets":[${eligible.map((target) => known.get(target) ?? "null").join(",")}]`,
    ...(settings.verifierHints === null ? [] : hintMembers(verifierHint(call, settings.verifierHints))),
    `"now":${JSON.stringify(new Date(nowUnixMs).toISOString())}`,
  ]
  const head = `{${members.join(",")}`
  return { body: settings.includeRequest ? await withContent(head, call) : Buffer.from(`${head}}`), conversation }
}

function withContent(head: string, { large, body, dialect }: CallFacts): Uint8Array | Promise<Uint8Array> {
  if (body === null) return Buffer.from(`${head},"text":"","request":{}}`)
  return large?.withContent(head) ?? bodyWithContent(head, body.bytes, dialect)
}

function hintMembers(hint: HintedBy): readonly string[] {
  return Object.entries(hint).map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`)
}

function describe(group: Group): ReadonlyMap<Target, string> {
  const known = new Map(group.targets.map((target) => [target, JSON.stringify(targetFactsOf(target, false))]))
  described.set(group, known)
  return known
}

function requirementsOf(call: CallFacts): readonly string[] {
  const shape = call.shape
  const { outputCap } = call.request
  return [
    "text",
    ...((shape?.imageCount ?? 0) > 0 ? ["image"] : []),
    ...((shape?.toolCount ?? 0) > 0 ? ["tools"] : []),
    ...(shape?.reasoning.requested === true ? ["reasoning"] : []),
    ...(shape?.structuredOutput === true ? ["structured_outputs"] : []),
    ...((outputCap?.tokens ?? 0) > 0 ? ["max_tokens"] : []),
  ]
}
