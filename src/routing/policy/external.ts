/** Strategy `external`: a policy service picks the target. Whatever it does, the call gets an answer in time. */
import type { Target } from "../../config/snapshot.ts"
import type { ExternalSettings } from "../../config/compile/policy-settings.ts"
import type { Clock } from "../../system/clock.ts"
import type { CallFacts, Ranking, Strategy } from "../strategy.ts"
import type { ConversationKey } from "./conversation-key.ts"
import { decisionOf, isDecision, labelOfFault, type Decision } from "./decision.ts"
import { PolicyFailed, type PolicyError, type PolicyExecution } from "./execution.ts"
import { externalRequest } from "./external-request.ts"
import type { FeedbackTicket } from "./feedback.ts"
import { jsonText, type PolicyAnswer, type PolicyClient } from "./http.ts"

const MOST_METADATA_BYTES = 1024

interface Asked {
  readonly decision: Decision | null
  readonly classLabel: string | null
  readonly error: PolicyError | null
  readonly detail: string | null
  readonly durationMs: number
  readonly feedback: FeedbackTicket | null
}

export function externalStrategy(client: PolicyClient, clock: Clock): Strategy {
  const ask = async (eligible: readonly Target[], call: CallFacts, settings: ExternalSettings): Promise<Asked> => {
    const startedMs = clock.monotonicMs()
    const { body, conversation } = await externalRequest(eligible, call, settings, clock.now())
    const headers = { "content-type": "application/json" }
    const answer = await client.send({
      url: settings.url,
      method: "POST",
      headers,
      body,
      rules: settings.http,
      keepMethod: true,
    })
    const durationMs = clock.monotonicMs() - startedMs
    const { decision, classLabel, error, detail, json } = judged(answer, eligible)
    const feedback = settings.feedback === null ? null : ticket(settings, call, conversation, decision, error, json)
    return { decision, classLabel, error, detail, durationMs, feedback }
  }
  return (eligible, call, { settings: { external } }) => {
    if (external === null) throw new Error("the group has no policy service")
    // it is asked as the group's shadow
    if (external.mode === "shadow") return { ...configured(eligible), mode: "configured" }
    return ask(eligible, call, external).then((asked) => followed(asked, eligible, external))
  }
}

function followed(asked: Asked, eligible: readonly Target[], settings: ExternalSettings): Ranking {
  const policy = executionOf(asked, settings)
  const feedback = asked.feedback === null ? {} : { feedback: asked.feedback }
  if (asked.decision !== null)
    return {
      ...configured(asked.decision.order),
      mode: "policy",
      classLabel: asked.decision.classLabel,
      policy,
      ...feedback,
    }
  if (settings.onError === "fail_closed") throw new PolicyFailed(policy)
  return { ...configured(eligible), mode: "policy-fallback", policy, ...feedback }
}

function configured(order: readonly Target[]): Omit<Ranking, "mode"> {
  return { order, classLabel: null, lane: null, explanation: null }
}

function executionOf(asked: Asked, settings: ExternalSettings): PolicyExecution {
  const { decision, classLabel, error, detail, durationMs } = asked
  return {
    kind: "external",
    outcome: decision !== null ? "decided" : settings.onError === "fallback" ? "fallback" : "failed",
    durationMs,
    classLabel,
    targetIndex: decision?.order[0]?.index ?? null,
    fallbackCount: decision === null ? null : decision.order.length - 1,
    error,
    errorDetail: detail,
  }
}

interface Judged {
  readonly decision: Decision | null
  readonly classLabel: string | null
  readonly error: PolicyError | null
  readonly detail: string | null
  readonly json: string | null
}

function failed(error: PolicyError, detail: string | null = null): Judged {
  return { decision: null, classLabel: null, error, detail, json: null }
}

function judged(answer: PolicyAnswer, eligible: readonly Target[]): Judged {
  if (answer.kind === "fault") return failed(answer.fault)
  if (answer.status < 200 || answer.status > 299) return failed("status", String(answer.status))
  const json = jsonText(answer.bytes)
  if (json === null) return failed("not-json")
  const verdict = decisionOf(json, eligible)
  if (!isDecision(verdict)) return { ...failed(verdict), classLabel: labelOfFault(json, eligible) }
  return { decision: verdict, classLabel: verdict.classLabel, error: null, detail: null, json }
}

function ticket(
  { feedback: settings, http: rules }: ExternalSettings,
  call: CallFacts,
  conversation: ConversationKey | null,
  decision: Decision | null,
  error: PolicyError | null,
  json: string | null,
): FeedbackTicket | null {
  if (settings === null) return null
  const chosen = decision?.order[0]
  const metadata = json === null ? undefined : metadataOf(json)
  return {
    settings,
    rules,
    decision: {
      group: call.group.name,
      ...conversation,
      policyError: error,
      classLabel: decision?.classLabel ?? null,
      decidedProvider: chosen?.provider.name ?? null,
      decidedModel: chosen?.model ?? null,
      ...(metadata === undefined ? {} : { metadata }),
    },
  }
}

/** The service's own words come back to it with the feedback, when they are short. */
function metadataOf(json: string): unknown {
  const { metadata } = JSON.parse(json) as { readonly metadata?: unknown }
  return metadata === undefined || JSON.stringify(metadata).length > MOST_METADATA_BYTES ? undefined : metadata
}
