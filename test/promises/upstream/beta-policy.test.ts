/** Betas go to targets of Anthropic's dialect as the operator says, and what is taken out is listed. */
import { afterAll, beforeAll, expect, test } from "bun:test"
import { targetsOf } from "../../helpers/config.ts"
import { bodyText, FakeUpstream, headerOf } from "../../helpers/fake-upstream.ts"
import type { Gateway } from "../../helpers/gateway.ts"
import { startGateway } from "../../helpers/gateway.ts"
import { SAMPLES } from "../../helpers/samples.ts"
import { EVERYTHING } from "../../helpers/translating.ts"
import { reply } from "../../helpers/behaviours.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"

let upstream: FakeUpstream
let gateway: Gateway

const GROUPS = {
  open: {},
  allowing: { beta_headers: { allow: ["interleaved-thinking-*", "effort-2025-11-24"] } },
  stripping: {
    beta_headers: { strip: ["context-management-*"], strip_fields: ["context_management", "thinking.display"] },
  },
  none: { beta_headers: { allow: [] } },
}

beforeAll(async () => {
  upstream = (await FakeUpstream.start()).otherwise(vendorAnswer())
  upstream.plan("count_tokens", reply('{"input_tokens":7}'))
  gateway = await startGateway({
    upstreams: { upstream },
    configure: (config) => {
      const [native] = targetsOf(["upstream"]).filter(({ provider }) => provider === "upstream-messages")
      const [chat] = targetsOf(["upstream"]).filter(({ provider }) => provider === "upstream-chat")
      for (const [name, policy] of Object.entries(GROUPS))
        config.models[name] = { strategy: "static", targets: [{ ...native, ...policy }] }
      config.models["chat"] = { strategy: "static", targets: [{ ...chat, ...EVERYTHING }] }
      config.callers = config.callers.map((caller) => ({ ...caller, allow: Object.keys(config.models) }))
    },
  })
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream.stop()
})

const BETAS = "interleaved-thinking-2025-05-14, context-management-2025-06-27,effort-2025-11-24"
const EXTRA = { thinking: { type: "adaptive", display: "updates" }, context_management: { edits: [] }, top_p: 1 }

async function sentTo(model: string): Promise<{ beta: string | undefined; body: unknown; losses: string | null }> {
  const body = SAMPLES.messages.request({ model, text: `<${model}>`, extra: EXTRA })
  const answer = await gateway.call("messages", body, { headers: { "anthropic-beta": BETAS } })
  expect(answer.status).toBe(200)
  const request = upstream.received(`<${model}>`).at(-1)?.request
  if (request === undefined) throw new Error("nothing was sent")
  return {
    beta: headerOf(request, "anthropic-beta"),
    body: JSON.parse(bodyText(request)),
    losses: answer.headers.get("x-router-losses"),
  }
}

test("without a policy everything goes", async () => {
  expect(await sentTo("open")).toMatchObject({ beta: BETAS, body: EXTRA, losses: null })
})

test("only what is allowed goes", async () => {
  const { beta, body, losses } = await sentTo("allowing")
  expect([beta, losses]).toEqual(["interleaved-thinking-2025-05-14,effort-2025-11-24", "beta"])
  expect(body).toMatchObject(EXTRA)
  expect(await sentTo("none")).toMatchObject({ beta: undefined, losses: "beta" })
})

test("what is stripped does not go, nor do the fields that ride on it", async () => {
  const { beta, body, losses } = await sentTo("stripping")
  expect([beta, losses]).toEqual(["interleaved-thinking-2025-05-14,effort-2025-11-24", "beta,field"])
  expect(body).toMatchObject({ thinking: { type: "adaptive" }, top_p: 1 })
  expect(JSON.stringify(body)).not.toMatch(/display|context_management/u)
})

test("counting tokens follows the same policy", async () => {
  const body = SAMPLES.messages.request({ model: "stripping", text: "<count>", extra: EXTRA })
  const path = "/v1/messages/count_tokens"
  const answer = await gateway.call("messages", body, { path, headers: { "anthropic-beta": BETAS } })
  expect(answer.text).toBe('{"input_tokens":7}')
  const request = upstream.received("<count>").at(-1)?.request
  expect(request === undefined ? "" : headerOf(request, "anthropic-beta")).not.toContain("context-management")
  expect(request === undefined ? "" : bodyText(request)).not.toContain("context_management")
})

test("other dialects never get a beta", async () => {
  expect((await sentTo("chat")).beta).toBeUndefined()
})
