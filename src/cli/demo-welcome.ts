import { relative } from "node:path"
import { SAMPLE_ENVIRONMENT } from "../sample/mark.ts"
import type { DemoState } from "./demo-state.ts"

/** What the demo prints when it is ready: everything that a newcomer needs, in the order in which it is needed. */
export function demoWelcome(url: string, state: DemoState, folder: string): string {
  const here = (path: string): string => {
    const near = relative(folder, path)
    return near.startsWith("..") ? path : near
  }
  const bearer = '-H "Authorization: Bearer $ROUTER_TOKEN"'
  const json = "-H 'Content-Type: application/json'"
  return `
smart-router DEMO: an embedded provider answers every call. No real model is asked, nothing leaves this machine.
${state.reused ? "The state of the last demo in this folder is used again." : "A new demo was set up."}

  address   ${url}
  docs      ${url}/docs/
  usage     curl ${url}/v1/usage ${bearer}
  reports   smart-router report --config ${here(state.configPath)} (what calls used, cost and met)
  logs      ${here(state.logPath)} (one line per call)
  ledger    ${here(state.databasePath)}
  config    ${here(state.configPath)}
  sample    ${sampleLine(state)}

Paste this line into another terminal:

export ROUTER_TOKEN=${state.token}

and then any of these (DEMO answers, add "stream": true to see them stream):

curl ${url}/v1/chat/completions ${bearer} ${json} \\
  -d '{"model": "default", "messages": [{"role": "user", "content": "Hello"}]}'

curl ${url}/v1/responses ${bearer} ${json} \\
  -d '{"model": "default", "input": "Hello"}'

curl ${url}/v1/messages -H "x-api-key: $ROUTER_TOKEN" -H 'anthropic-version: 2023-06-01' ${json} \\
  -d '{"model": "default", "max_tokens": 200, "messages": [{"role": "user", "content": "Hello"}]}'

Stop the DEMO with Ctrl+C.
`
}

/** So that nobody takes invented calls for their own. */
function sampleLine({ sample }: DemoState): string {
  if (sample === null) return "none: every call in the ledger was made here"
  const until = new Date(sample.untilMs).toISOString().slice(0, 10)
  const being = sample.isDone ? "holds" : "is getting"
  return `the ledger ${being} SAMPLE DATA, a month of invented calls before ${until}, in environments that begin with ${SAMPLE_ENVIRONMENT}; your calls are in dev`
}
