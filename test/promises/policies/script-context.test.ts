/** What a script gets to know of a call, and what not. */
import { expect, test } from "bun:test"
import { bodyText, FakeUpstream } from "../../helpers/fake-upstream.ts"
import { reply } from "../../helpers/behaviours.ts"
import type { Answer } from "../../helpers/client.ts"
import { ALL_SAMPLES, SAMPLES } from "../../helpers/samples.ts"
import { startScripted } from "../../helpers/scripted.ts"
import { drawn } from "../../helpers/sample.ts"

type Json = Readonly<Record<string, unknown>>

/** Posts its whole context to `url`, so that the test sees it. */
const REPORTER = (url: string): string => `
  declare const router: any
  export async function route(ctx: any) {
    const { ok } = await router.fetchJSON("${url}/seen", { method: "POST", body: { ...ctx, text: ctx.text, request: ctx.request } })
    return { targetIndex: ok ? 0 : 99 }
  }`

const HTTP = { script_http: { enabled: true, allow_hosts: ["127.0.0.1"], timeout_ms: 5000 } }

for (const sample of drawn(ALL_SAMPLES)) {
  test(`${sample.dialect}: a script knows the call, its caller and the targets, and no secret`, async () => {
    const witness = (await FakeUpstream.start()).otherwise(reply("{}"))
    await using router = await startScripted(REPORTER(witness.url), HTTP)
    const extra = sample.dialect === "responses" ? { max_output_tokens: 50 } : { max_tokens: 50 }
    const answer = await router.gateway.call(sample.dialect, sample.request({ text: "who am I", extra }))
    expect(answer.status).toBe(200)
    const [exchange] = witness.received("who am I")
    const seen = JSON.parse(bodyText(exchange!.request)) as Json
    expect(seen).toMatchObject({
      group: "default",
      caller: {
        id: "me-lab",
        user: "me",
        ownerUser: "me",
        username: "Me",
        project: "lab",
        environment: "dev",
        membershipRole: "owner",
        keyStatus: "active",
        allow: ["default", "plain"],
      },
      context: {
        model: "default",
        dialect: sample.configName,
        stream: false,
        maxTokens: 50,
        maxTokensField: Object.keys(extra)[0],
        hasTools: false,
        toolCount: 0,
        imageCount: 0,
        messageCount: 1,
        reasoning: { requested: false },
      },
      text: "who am I",
      request: JSON.parse(sample.request({ text: "who am I", extra })) as object,
    })
    expect(seen["targets"]).toHaveLength(2)
    expect((seen["targets"] as readonly Json[])[1]).toMatchObject({
      provider: `second-${sample.dialect}`,
      model: "vendor/model-1",
      modelRef: "m1",
      dialect: sample.configName,
      weight: 1,
      keyConfigured: true,
      honorsMaxTokens: true,
      inputPricePerMillionUsd: 3,
    })
    const { token, secrets } = router.gateway.prepared
    const keys = secrets.filter((secret) => secret.startsWith("sk-"))
    for (const secret of [token, ...keys, new Bun.CryptoHasher("sha256").update(token).digest("hex")])
      expect(bodyText(exchange!.request)).not.toContain(secret)
    await witness.stop()
  })
}

test("text of large bodies is counted and read when the script asks, and does not use up its time", async () => {
  await using router = await startScripted(
    `export function route(ctx: any) {
      const isSame = ctx.text.length === ctx.context.textChars && ctx.request.messages.length === ctx.context.messageCount
      return { targetIndex: isSame && ctx.context.textChars > 1_000_000 ? 1 : 0 }
    }`,
    {},
  )
  const answer = await router.gateway.call("chat", SAMPLES.chat.request({ text: "ä".repeat(1_000_001) }))
  expect(answer.text).toBe(SAMPLES.chat.unary("second"))
})

test("a script that reads a large text behind a fetch is run again, and fetches once", async () => {
  const service = (await FakeUpstream.start()).otherwise(reply('{"word":"hello"}'))
  await using router = await startScripted(
    `declare const router: any
    export async function route(ctx: any) {
      const { body } = await router.fetchJSON("${service.url}/word")
      let chars = 0
      try { chars = ctx.text.length + ctx.context.textChars } catch {}
      return { targetIndex: chars > 2_000_000 && body.word === "hello" ? 1 : 0 }
    }`,
    { script_http: { enabled: true, allow_hosts: ["127.0.0.1"] } },
  )
  const answer = await router.gateway.call("chat", SAMPLES.chat.request({ text: "ä".repeat(1_000_001) }))
  expect(answer.text).toBe(SAMPLES.chat.unary("second"))
  expect(service.exchanges).toHaveLength(1)
  await service.stop()
})

test("a text of more than 3 MB is given to no script", async () => {
  await using router = await startScripted(
    "export function route(ctx: any) { return { targetIndex: ctx.text.length > 0 ? 0 : 1 } }",
    {},
  )
  const call = (text: string): Promise<Answer> => router.gateway.call("chat", SAMPLES.chat.request({ text }))
  expect((await call("x".repeat(3_145_729))).status).toBe(502)
  expect((await call("x".repeat(3_145_728))).status).toBe(200)
})

test("more text than the script's memory holds ends the call, never truncated", async () => {
  await using router = await startScripted(
    "export function route(ctx: any) { return { targetIndex: ctx.text.length > 0 ? 0 : 1 } }",
    {
      script_limits: { max_memory_bytes: 2_000_000 },
    },
  )
  const answer = await router.gateway.call("chat", SAMPLES.chat.request({ text: "x".repeat(4_000_000) }))
  expect(answer.status).toBe(502)
  expect((await router.gateway.call("chat", SAMPLES.chat.request())).status).toBe(200)
})
