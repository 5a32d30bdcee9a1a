/** One call as a script may see it. */
import type { Target } from "../../config/snapshot.ts"
import type { PolicyHttp } from "../../config/policy-settings.ts"
import { callerJson, contextOf, isSmall, textFacts } from "../policy/call-context.ts"
import { bodyText, conversationText } from "../policy/call-text.ts"
import type { PolicyClient } from "../policy/http.ts"
import type { CallFacts } from "../strategy.ts"
import { fetchJson } from "./fetch-json.ts"
import type { CallSource } from "./sandbox.ts"

export function sourceOf(
  eligible: readonly Target[],
  call: CallFacts,
  http: PolicyHttp | null,
  client: PolicyClient,
): CallSource {
  const all = call.group.targets
  const whole = eligible.length === all.length && eligible.every((target, place) => target === all[place])
  const places = whole ? "" : JSON.stringify(eligible.map((target) => all.indexOf(target)))
  const context = JSON.stringify(contextOf(call, isSmall(call)))
  return {
    json: `{"caller":${callerJson(call)},"context":${context}}`,
    places,
    counts: () => {
      const { shape, recorded } = call
      recorded?.onMissed("counts")
      return shape === null || recorded !== undefined ? "{}" : JSON.stringify(textFacts(shape))
    },
    text: () => {
      call.recorded?.onMissed("text")
      return conversationText(call)
    },
    body: () => {
      call.recorded?.onMissed("request")
      return bodyText(call)
    },
    fetch: http === null ? null : (url, init) => fetchJson(client, http, url, init),
  }
}
