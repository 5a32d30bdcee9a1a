/**
 * `POST /v1/messages/count_tokens`: counted by a target that speaks Messages, else estimated here.
 * Counting costs nothing at the vendors, so it is no call: it leaves no row, and needs no ledger.
 */
import { isObject, type JsonValue } from "../../canonical/json.ts"
import type { Caller, Target } from "../../config/snapshot.ts"
import { passthroughBody } from "../../dialects/passthrough.ts"
import { DIALECTS } from "../../dialects/registry.ts"
import { WIRES } from "../../dialects/wires.ts"
import { RouterError } from "../../errors.ts"
import { readWhole, type UpstreamAnswer } from "../../upstream/answer.ts"
import { asksForBeta, copyResponseHeaders, forwardedHeaders } from "../../upstream/headers.ts"
import { admit } from "../admit.ts"
import { countedTokens } from "../apart/counted-tokens.ts"
import { isLargeBody } from "../apart/large.ts"
import { authenticate } from "../authenticate.ts"
import type { AdmittedCall, Call } from "../call.ts"
import type { Gateway } from "../gateway.ts"
import type { Incoming, Outgoing } from "../message.ts"
import { rank } from "../rank.ts"
import { receive } from "../receive.ts"
import { redact } from "../redact.ts"
import { shortlist } from "../shortlist.ts"
import { governParts } from "../targets/body-edits.ts"
import { isFailure, isRefused, speaks, TimeLimit, wordsOf, type Refused } from "../targets/exchange.ts"
import { governHostedTools } from "../targets/hosted-tools.ts"
import { targetBelow } from "../targets/target-below.ts"
import { renameRefusal, shownModel } from "../translation/shown-model.ts"
import { passes } from "../translation/translate.ts"
import { ALWAYS_NEEDED } from "../../activation/capabilities.ts"
import { askUpstream, aside } from "./aside.ts"
import { mayAskProvider } from "./count-rate.ts"

/** Agents wait for the number before they go on: an estimate in time is worth more than an exact number too late. */
const COUNT_WITHIN_MS = 10_000
/** Agents ask for two dozen at once. No limit counts these: of more than this from one caller, and more often than `count-rate.ts` allows, no provider hears. */
const MOST_AT_ONCE = 32
const MESSAGES = DIALECTS.anthropic
/** An answer with a count has some dozen bytes. */
const LARGEST_COUNT_BYTES = 65_536
const decoder = new TextDecoder()

/** @throws RouterError as for a call, up to the choice of a target */
export async function countTokens(request: Incoming, gateway: Gateway): Promise<Outgoing> {
  if (gateway.draining) throw new RouterError("shutting-down")
  return aside(request, MESSAGES, gateway, (call) => count(call, gateway))
}

async function count(begun: Call, gateway: Gateway): Promise<Outgoing> {
  const { snapshot } = begun
  const known = begun.learnCaller(authenticate(begun.incoming.headers, snapshot, begun.ts))
  const received = known.learnRequest(await receive(known, gateway))
  const call = received.learnGroup(admit(received))
  const { request, credential } = call
  await redact(call, gateway)
  // what another project stored is not counted either
  const eligible = request.holdsState ? (await shortlist(call, gateway)).eligible : provenIn(call, gateway)
  const estimate = await estimateOf(call, gateway)
  await governHostedTools(call, gateway)
  const target = await nativeTarget(eligible, call, gateway)
  const { caller } = credential
  const atOnce = asking.get(caller) ?? 0
  if (target === null || atOnce >= MOST_AT_ONCE) return estimate
  if (!mayAskProvider(caller, snapshot, gateway.clock.monotonicMs())) return estimate
  asking.set(caller, atOnce + 1)
  try {
    return (await ask(target, call, gateway)) ?? estimate
  } finally {
    asking.set(caller, (asking.get(caller) ?? 1) - 1)
  }
}

/** A target that may not serve yet is not asked to count, either. */
function provenIn({ group, dialect, ts }: AdmittedCall, { activation }: Gateway): readonly Target[] {
  if (group.activation?.mode !== "required") return group.targets
  return group.targets.filter((target) => activation.against(group, target, dialect.name, ALWAYS_NEEDED, ts) === null)
}

/** How many counts of each caller are on their way to providers. */
const asking = new WeakMap<Caller, number>()

/** Rejects with RouterError `invalid-request`. */
async function estimateOf({ request: { body }, credential }: AdmittedCall, { apart }: Gateway): Promise<Outgoing> {
  const tokens = isLargeBody(body)
    ? await apart.run("countTokens", credential.caller.id, [body.bytes], undefined)
    : countedTokens(body.bytes)
  if (tokens === null)
    throw new RouterError("invalid-request", { param: "messages", message: "`messages` must be a list." })
  const headers = { "content-type": "application/json", "x-router-estimate": "true" }
  return { status: 200, headers, body: JSON.stringify({ input_tokens: tokens }) }
}

/** The first target in the group's order, if the body can go to it as it is. */
async function nativeTarget(targets: readonly Target[], call: AdmittedCall, gateway: Gateway): Promise<Target | null> {
  const eligible = targets.filter((target) => target.dialect === call.dialect.name && counterOf(target) !== null)
  if (eligible.length === 0) return null
  const { order, affinity } = await rank({ eligible, rejected: [], missing: [] }, call, gateway)
  const [target] = order
  return target !== undefined && passes(target, affinity, call.request) ? counterOf(target) : null
}

/** The target at the endpoint that counts; null: it has none. */
function counterOf(target: Target): Target | null {
  const { countEndpoint } = WIRES[target.dialect]
  return countEndpoint === null ? null : targetBelow(target, countEndpoint)
}

/** Null where the target has no count to give: an estimate serves the client better than any error. */
async function ask(target: Target, call: AdmittedCall, gateway: Gateway): Promise<Outgoing | null> {
  const { request, incoming, credential, snapshot } = call
  const parts = {
    headers: forwardedHeaders(request.headers, target.dialect, target, credential.caller.id),
    body: passthroughBody(request.body, request.facts, target.dialect, target.modelJson),
  }
  const { headers, body } = await governParts(target, parts, call, gateway)
  const question = { target, beta: asksForBeta(incoming.target), headers, body }
  try {
    const limit = new TimeLimit(COUNT_WITHIN_MS, gateway.clock)
    const told = await askUpstream(question, limit, call, gateway, async (answer) => {
      const bytes = await readWhole(answer, snapshot.limits.maxResponseBytes)
      return countIn(bytes, answer, target)
    })
    if (isFailure(told)) return null
    return isRefused(told) ? refusalIn(told, target, call) : told.count
  } catch {
    return null
  } finally {
    incoming.onGone = null
  }
}

function countIn(bytes: Uint8Array, answer: UpstreamAnswer, target: Target): { readonly count: Outgoing | null } {
  if (!holdsCount(bytes)) return { count: null }
  const headers: Record<string, string> = {}
  copyResponseHeaders(answer.headers, target.provider.secrets, headers)
  return { count: { status: 200, headers: { "content-type": "application/json", ...headers }, body: bytes } }
}

/** Null where the provider does not speak of the request. */
function refusalIn(refused: Refused, target: Target, call: AdmittedCall): Outgoing | null {
  if (!speaks(refused) || refused.failure.failover) return null
  const { bytes, contentType } = wordsOf(refused, target.provider.secrets)
  const headers = { "content-type": contentType, "x-should-retry": "false" }
  return { status: refused.status, headers, body: renameRefusal(bytes, shownModel(call), target.model) }
}

function holdsCount(bytes: Uint8Array): boolean {
  const body = bytes.length > LARGEST_COUNT_BYTES ? null : parsed(bytes)
  return isObject(body) && typeof body["input_tokens"] === "number"
}

function parsed(bytes: Uint8Array): JsonValue {
  return JSON.parse(decoder.decode(bytes)) as JsonValue
}
