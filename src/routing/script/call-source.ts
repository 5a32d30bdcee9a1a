/** One call as a script may see it. */
import type { Target } from "../../config/snapshot.ts"
import type { PolicyHttp } from "../../config/compile/policy-settings.ts"
import { callerJson, contextOf, isSmall, textFacts } from "../policy/call-context.ts"
import { bodyText, conversationText, MOST_SCRIPT_CHARS } from "../policy/call-text.ts"
import type { PolicyClient } from "../policy/http.ts"
import type { CallFacts } from "../strategy.ts"
import { fetchJson } from "./fetch-json.ts"
import type { LargeReads } from "./large-reads.ts"

/** What a call's script may ask for; each is worked out when it is asked for. */
export interface CallSource {
  /** `{"caller": …, "context": …}` as JSON. */
  readonly json: string
  /** The places of the eligible targets among those of the group, as JSON; empty: all. */
  readonly places: string
  /** Counts that are not in `json`, as JSON. */
  counts(): string | null
  /** All text of the conversation; null: it is longer than any script is given. */
  text(): string | null
  /** The request's body; null as before. */
  body(): string | null
  /** The answer as JSON, `{"ok":…,"status":…,"body":…}` or `{"error":code}`; null: not allowed. Never rejects. */
  readonly fetch: ((url: string, init: string) => Promise<string>) | null
}

export function sourceOf(
  eligible: readonly Target[],
  call: CallFacts,
  http: PolicyHttp | null,
  client: PolicyClient,
  large: LargeReads | null,
): CallSource {
  const all = call.group.targets
  const whole = eligible.length === all.length && eligible.every((target, place) => target === all[place])
  const places = whole ? "" : JSON.stringify(eligible.map((target) => all.indexOf(target)))
  const context = JSON.stringify(contextOf(call, isSmall(call)))
  return {
    json: `{"caller":${callerJson(call)},"context":${context}}`,
    places,
    counts: () => {
      if (large !== null) return large.of("counts")
      const { shape, recorded } = call
      recorded?.onMissed("counts")
      return shape === null || recorded !== undefined ? "{}" : JSON.stringify(textFacts(shape))
    },
    text: () => {
      if (large !== null) return large.of("text")
      call.recorded?.onMissed("text")
      return conversationText(call)
    },
    body: () => {
      call.recorded?.onMissed("request")
      return (call.body?.bytes.length ?? 0) > MOST_SCRIPT_CHARS ? null : bodyText(call)
    },
    fetch: http === null ? null : fetching(http, client, large),
  }
}

function fetching(http: PolicyHttp, client: PolicyClient, large: LargeReads | null): NonNullable<CallSource["fetch"]> {
  const ask = (url: string, init: string): Promise<string> => fetchJson(client, http, url, init)
  return large === null ? ask : (url, init) => large.fetched(url, init, ask)
}
