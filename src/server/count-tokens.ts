/**
 * `POST /v1/messages/count_tokens`: counted by a target that speaks Messages, else estimated here.
 * Counting costs nothing at the vendors, so it is no call: it leaves no row, and needs no ledger.
 */
import { isObject, type JsonValue } from "../canonical/json.ts"
import type { Caller, Credential, Group, Target } from "../config/snapshot.ts"
import { passthroughBody } from "../dialects/passthrough.ts"
import { DIALECTS } from "../dialects/registry.ts"
import { RouterError } from "../errors.ts"
import { allowedGroup } from "../pipeline/admit.ts"
import { authenticate } from "../pipeline/authenticate.ts"
import { aside } from "../pipeline/aside.ts"
import { governParts } from "../pipeline/body-edits.ts"
import type { Call } from "../pipeline/call.ts"
import { refuseGroup } from "../pipeline/group-refusal.ts"
import type { Gateway } from "../pipeline/gateway.ts"
import { isLargeBody } from "../pipeline/apart/large.ts"
import { countedTokens } from "../pipeline/counted-tokens.ts"
import { governHostedTools } from "../pipeline/hosted-tools.ts"
import { holderOf } from "../pipeline/held-state.ts"
import type { Incoming, Outgoing } from "../pipeline/message.ts"
import { rank } from "../pipeline/rank.ts"
import { receive } from "../pipeline/receive.ts"
import { renamedRefusal } from "../pipeline/shown-model.ts"
import { targetBelow } from "../pipeline/target-below.ts"
import { passes } from "../pipeline/translate.ts"
import { wordsType } from "../pipeline/vendor-words.ts"
import { readWhole, type UpstreamAnswer } from "../upstream/answer.ts"
import { classifyStatus } from "../upstream/failure.ts"
import { asksForBeta, copyResponseHeaders, forwardedHeaders } from "../upstream/headers.ts"
import { masked } from "../upstream/mask.ts"
import { mayAskProvider } from "./count-rate.ts"
import { json } from "./plain.ts"

/** Agents wait for the number before they go on: an estimate in time is worth more than an exact number too late. */
const COUNT_WITHIN_MS = 10_000
/** Agents ask for two dozen at once. No limit counts these: of more than this from one caller, and more often than `count-rate.ts` allows, no provider hears. */
const MOST_AT_ONCE = 32
const MESSAGES = DIALECTS.anthropic
const COUNT = "/count_tokens"
/** An answer with a count has some dozen bytes. */
const LARGEST_COUNT_BYTES = 65_536
const decoder = new TextDecoder()

/** @throws RouterError as for a call, up to the choice of a target */
export async function countTokens(request: Incoming, gateway: Gateway): Promise<Outgoing> {
  if (gateway.draining) throw new RouterError("shutting-down")
  return aside(request, MESSAGES, gateway, (call) => counted(call, gateway))
}

async function counted(call: Call, gateway: Gateway): Promise<Outgoing> {
  const { snapshot } = call
  call.credential = authenticate(call.request.headers, snapshot, call.ts)
  await receive(call, gateway)
  const group = groupOf(call, call.credential)
  call.group = group
  // what another project stored is not counted either
  const held = call.heldIds === null ? null : await holderOf(call, group, gateway)
  const estimate = await estimated(call, gateway)
  await governHostedTools(call, gateway)
  const target = await nativeTarget(held?.eligible ?? group.targets, group, call, gateway)
  const { caller } = call.credential
  const atOnce = asking.get(caller) ?? 0
  if (target === null || atOnce >= MOST_AT_ONCE) return estimate
  if (!mayAskProvider(caller, snapshot, gateway.clock.monotonicMs())) return estimate
  asking.set(caller, atOnce + 1)
  try {
    return (await forwarded(target, call, gateway)) ?? estimate
  } finally {
    asking.set(caller, (asking.get(caller) ?? 1) - 1)
  }
}

/** How many counts of each caller are on their way to providers. */
const asking = new WeakMap<Caller, number>()

/** As `admit` does it, but nothing is to be recorded. @throws RouterError `missing-model`, `model-not-allowed`, the group's refusal */
function groupOf({ facts, snapshot }: Call, credential: Credential): Group {
  const name = facts.model ?? snapshot.defaultGroup
  if (name === null) throw new RouterError("missing-model", { param: "model" })
  const group = allowedGroup(name, credential, snapshot)
  refuseGroup(group)
  return group
}

/** Rejects with RouterError `invalid-request`. */
async function estimated({ body, callerId }: Call, { apart }: Gateway): Promise<Outgoing> {
  const tokens =
    body === null
      ? null
      : isLargeBody(body)
        ? await apart.run("countTokens", callerId, [body.bytes], undefined)
        : countedTokens(body.bytes)
  if (tokens === null)
    throw new RouterError("invalid-request", { param: "messages", message: "`messages` must be a list." })
  const answer = json({ input_tokens: tokens })
  return { ...answer, headers: { ...answer.headers, "x-router-estimate": "true" } }
}

/** The first target in the group's order, if the body can go to it as it is. */
async function nativeTarget(
  targets: readonly Target[],
  group: Group,
  call: Call,
  gateway: Gateway,
): Promise<Target | null> {
  const eligible = targets.filter((target) => target.dialect === "anthropic" && targetBelow(target, COUNT) !== null)
  if (eligible.length === 0) return null
  const [target] = await rank({ eligible, rejected: [] }, group, call, gateway)
  return target !== undefined && passes(target, call) ? targetBelow(target, COUNT) : null
}

/** Null where the target has no count to give: an estimate serves the client better than any error. */
async function forwarded(target: Target, call: Call, gateway: Gateway): Promise<Outgoing | null> {
  if (call.body === null) return null
  const { request, facts } = call
  const parts = {
    headers: forwardedHeaders(request.headers, "anthropic", target, call.callerId),
    body: passthroughBody(call.body, facts, "anthropic", target.modelJson),
  }
  const governed = await governParts(target, parts, call, gateway)
  const sent = gateway.upstream.send({ target, beta: asksForBeta(request.target), ...governed })
  request.onGone = sent.cancel
  const timer = gateway.clock.after(COUNT_WITHIN_MS, sent.cancel)
  try {
    const answer = await sent.answer
    return judged(answer, await readWhole(answer, call.snapshot.limits.maxResponseBytes), target, call)
  } catch {
    sent.cancel()
    return null
  } finally {
    timer.close()
    request.onGone = null
  }
}

function judged(answer: UpstreamAnswer, bytes: Uint8Array, target: Target, call: Call): Outgoing | null {
  if (answer.status >= 200 && answer.status < 300) {
    if (!holdsCount(bytes)) return null
    const headers: Record<string, string> = {}
    copyResponseHeaders(answer.headers, target.provider.secrets, headers)
    return { status: 200, headers: { "content-type": "application/json", ...headers }, body: bytes }
  }
  const fault = MESSAGES.readFault(bytes)
  if (fault === null) return null
  const { relay, failover } = classifyStatus(answer.status, fault, target.model)
  if (!relay || failover) return null
  const headers = { "content-type": wordsType(bytes), "x-should-retry": "false" }
  const words = masked(bytes, target.provider.secrets)
  return { status: answer.status, headers, body: renamedRefusal(words, call, target.model) }
}

function holdsCount(bytes: Uint8Array): boolean {
  const body = bytes.length > LARGEST_COUNT_BYTES ? null : parsed(bytes)
  return isObject(body) && typeof body["input_tokens"] === "number"
}

function parsed(bytes: Uint8Array): JsonValue {
  return JSON.parse(decoder.decode(bytes)) as JsonValue
}
