/** Sealed reasoning does not let a client guess the credential of its issuer, and goes back to it all the same. */
import { afterAll, beforeAll, expect, test } from "bun:test"
import { openEnvelope, wrapReasoning } from "../../../src/canonical/seal.ts"
import { reply } from "../../helpers/behaviours.ts"
import { prepare, type Prepared } from "../../helpers/config.ts"
import { parsed } from "../../helpers/expectations.ts"
import { bodyText, FakeUpstream } from "../../helpers/fake-upstream.ts"
import { startGateway } from "../../helpers/gateway.ts"
import { wholeAnswer } from "../../helpers/scenario.ts"
import { at } from "../../helpers/streams.ts"
import { groupOf, translating } from "../../helpers/translating.ts"

let upstream: FakeUpstream
let prepared: Prepared
let label = ""
let provider: Readonly<Record<string, unknown>> = {}

beforeAll(async () => {
  upstream = (await FakeUpstream.start()).otherwise(
    reply(wholeAnswer("responses", { reasoning: "Thought.", text: "Said.", calls: [], stop: "end" })),
  )
  prepared = prepare({
    upstreams: { upstream },
    configure: (config) => {
      translating(config, ["upstream"])
      provider = { ...config.providers["upstream-responses"] }
    },
  })
  // what anybody may try, for every key that they can think of
  const key = String(provider["api_key"]).replace(/^\$\{(\w+)\}$/, (_, name: string) => prepared.env[name] ?? "")
  const facts = JSON.stringify(["upstream-responses", provider["key_id"] ?? key])
  label = new Bun.CryptoHasher("sha256").update(facts).digest("hex").slice(0, 16)
})

afterAll(async () => {
  prepared.remove()
  await upstream.stop()
})

const ask = (messages: readonly unknown[]): string =>
  JSON.stringify({ model: groupOf("upstream", "responses"), max_tokens: 8000, messages })
const question = { role: "user", content: "Why?" }

test("the label of an issuer is no hash of what can be guessed, stays after a restart, and old envelopes open", async () => {
  const sealFrom = async (): Promise<{ readonly signature: string; readonly content: unknown }> => {
    const gateway = await startGateway(prepared)
    const content = at(parsed(await gateway.call("messages", ask([question]))), "content")
    await gateway.stop()
    return { signature: String(at(content, 0, "signature")), content }
  }
  const [first, second] = [await sealFrom(), await sealFrom()]
  const block = openEnvelope(first.signature)
  expect(block?.seal?.issuer.dialect).toBe("responses")
  expect(block?.seal?.issuer.label).not.toBe(label)
  expect(openEnvelope(second.signature)?.seal?.issuer.label).toBe(block?.seal?.issuer.label ?? null)
  const gateway = await startGateway(prepared)
  const old = wrapReasoning({
    parts: block?.parts ?? [],
    seal: block?.seal === null || block === null ? null : { ...block.seal, issuer: { dialect: "responses", label } },
  })
  const payload = at(JSON.parse(block?.seal?.payload ?? "{}"), "encrypted_content")
  for (const signature of [first.signature, old]) {
    const before = upstream.exchanges.length
    const history = [
      { type: "thinking", thinking: "Thought.", signature },
      { type: "text", text: "Said." },
    ]
    await gateway.call("messages", ask([question, { role: "assistant", content: history }, question]))
    expect(upstream.exchanges.slice(before).map(({ request }) => bodyText(request).includes(String(payload)))).toEqual([
      true,
    ])
  }
  await gateway.stop()
})
