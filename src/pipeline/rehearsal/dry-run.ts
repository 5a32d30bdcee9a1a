/** The steps that decide a call, on a request that nobody sent: nothing goes upstream, nothing is written. */
import type { TelemetryRule } from "../../config/compile/recording.ts"
import type { Credential, Group, Snapshot } from "../../config/snapshot.ts"
import type { Dialect } from "../../dialects/dialect.ts"
import { asRouterError, type RouterError } from "../../errors.ts"
import type { ExplainedCache } from "../../explain/explanation.ts"
import type { DecisionRows } from "../../ledger/decision-record.ts"
import { admit, refuseUnrecorded } from "../admit.ts"
import { isLargeBody } from "../apart/large.ts"
import { readContent } from "../cache/cache-key.ts"
import { considerCaching } from "../cache/consider.ts"
import { Call, isAdmitted, type AdmittedCall } from "../call.ts"
import type { Gateway } from "../gateway.ts"
import { requestId } from "../intake/request-id.ts"
import type { Incoming } from "../message.ts"
import { rank } from "../rank.ts"
import { receive } from "../receive.ts"
import { redact } from "../redact.ts"
import { decisionRows } from "../rows/decision-rows.ts"
import { shortlist, shortlistByShape } from "../shortlist.ts"

export interface DryRun {
  readonly id: string
  readonly ts: number
  readonly group: Group | null
  /** Null: it would be sent. */
  readonly error: RouterError | null
  /** What the response cache would do; null: it never meets calls of the group. */
  readonly cache: ExplainedCache | null
  readonly decision: DecisionRows | null
}

const EVERYTHING: TelemetryRule = { maxCandidates: Infinity, maxFilterReasons: Infinity, candidates: true }

/**
 * `gateway.snapshot` may be of any configuration; all of the decision is kept.
 * @param knowsState whether it can be asked who holds what the body points at
 */
export async function dryRun(
  body: Uint8Array,
  dialect: Dialect,
  credential: Credential,
  gateway: Gateway,
  knowsState: boolean,
): Promise<DryRun> {
  const ts = gateway.clock.now()
  const snapshot: Snapshot = { ...gateway.snapshot, telemetry: EVERYTHING }
  const startedAt = gateway.clock.monotonicMs()
  const id = requestId(ts, gateway.random)
  const call = new Call({ id, dialect, incoming: incomingOf(body), snapshot, ts, startedAt, address: null })
  let error: RouterError | null = null
  try {
    const known = call.learnCaller(credential)
    const received = known.learnRequest(await receive(known, gateway))
    const admitted = received.learnGroup(admit(received))
    refuseUnrecorded(gateway)
    await redact(admitted, gateway)
    const found = knowsState ? await shortlist(admitted, gateway) : shortlistByShape(admitted, gateway)
    await rank(found, admitted, gateway)
    await awaitShadow(call, gateway)
  } catch (thrown) {
    error = asRouterError(thrown)
  }
  const noted = call.notes.decision
  const decision = noted === null || !isAdmitted(call) ? null : decisionRows(noted, call)
  return { id, ts, group: call.group, error, cache: isAdmitted(call) ? cacheFor(call) : null, decision }
}

function cacheFor(call: AdmittedCall): ExplainedCache | null {
  const { cache } = call.group
  if (cache === null) return null
  const caching = considerCaching(call.request, cache)
  if (caching.looksUp && !isLargeBody(call.request.body) && readContent(call) === null) caching.refuseKey()
  const { reasons } = caching
  return { result: reasons.length === 0 ? "could" : "bypass", reasons }
}

const SHADOW_MS = 5000
const LOOK_MS = 5

/** A shadow is asked beside the call; here somebody waits for it. */
async function awaitShadow({ notes: { decision } }: Call, { clock }: Gateway): Promise<void> {
  const shadow = decision?.shadow ?? null
  for (let waited = 0; waited < SHADOW_MS; waited += LOOK_MS) {
    if (shadow === null || shadow.ranking !== null || shadow.error !== null) return
    await clock.sleep(LOOK_MS)
  }
}

function incomingOf(body: Uint8Array): Incoming {
  return {
    method: "POST",
    target: "/",
    path: "/",
    headers: { get: (name) => (name === "content-type" ? "application/json" : null) },
    address: null,
    isWhole: true,
    receivedBytes: body.length,
    body: () => body,
    onGone: null,
  }
}
