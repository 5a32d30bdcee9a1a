/**
 * `scripts/run bench/micro/decision.ts`: what it costs to decide where a call goes. The pipeline's own steps on a compiled
 * configuration with six targets: eligibility, `dynamic_score` over live figures that move, affinity, health, and what is
 * remembered of the target that served. The bar is 10 µs, everything on; "the call object" is what every call has once its
 * body is checked, and "received" is that check itself, with what is read from the body.
 */
import type { Target } from "../../src/config/snapshot.ts"
import { scanObject } from "../../src/json/scan.ts"
import { pinFirst, rememberTarget } from "../../src/pipeline/targets/affinity.ts"
import type { AdmittedCall } from "../../src/pipeline/call.ts"
import { rank } from "../../src/pipeline/rank.ts"
import { shortlistByShape } from "../../src/pipeline/shortlist.ts"
import { agentBody, longAgentBody, screenBody, smallBody } from "../bodies.ts"
import { callOf, end, gateway, groupOf, received, serve, type Asked, type Headers } from "./calls.ts"
import { compare } from "./timing.ts"

function decide(call: AdmittedCall): readonly Target[] {
  const plan = rank(shortlistByShape(call, gateway), call, gateway)
  if (plan instanceof Promise) throw new Error("nobody is asked")
  const [first] = plan.order
  if (first === undefined) throw new Error("nobody is left")
  rememberTarget(first, plan, call, gateway)
  return plan.order
}

const SESSION: Headers = { "x-session-id": "a session" }

const asked = (name: string, headers: Headers): Asked => ({
  dialect: "openai-chat",
  group: groupOf(name),
  caller: "me-lab",
  headers,
})

for (const [title, text, runs] of [
  ["small body", smallBody("plain"), 5000],
  ["agent body", agentBody("plain"), 100],
  ["long agent body", longAgentBody("plain"), 30],
  ["agent body with screens", screenBody("plain"), 50],
] as const) {
  const body = scanObject(new TextEncoder().encode(text), 512)
  const work = (name: string, headers: Headers) => {
    const one = asked(name, headers)
    return (): unknown => decide(callOf(body, one))
  }
  const plain = asked("plain", SESSION)
  compare(`six targets, ${title} of ${body.bytes.length} bytes`, runs, {
    received: () => received(body.bytes, plain),
    "the call object": () => callOf(body, plain),
    "+ eligibility": () => shortlistByShape(callOf(body, plain), gateway),
    "+ shape": () => callOf(body, plain).request.shape.hasSeals,
    "+ pin": () => pinFirst(plain.group.targets, callOf(body, plain), gateway),
    "all, by session": work("plain", SESSION),
    "all, by first turns": work("plain", {}),
    "all, figures moving": () => {
      const order = decide(callOf(body, plain))
      serve(order[0] as Target)
      return order
    },
    "all, with a contract": work("contract", SESSION),
    "all, by complexity": work("complexity", SESSION),
  })
}
await end()
