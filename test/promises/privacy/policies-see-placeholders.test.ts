/** Scripts, policy services and what explains decisions read a request without its personal data. */
import { expect, test } from "bun:test"
import { writeFileSync } from "node:fs"
import path from "node:path"
import { reply } from "../../helpers/behaviours.ts"
import { runHere } from "../../helpers/command-line.ts"
import { bodyText, FakeUpstream } from "../../helpers/fake-upstream.ts"
import { DIALECTS, SAMPLES } from "../../helpers/samples.ts"
import { startScripted, startWith } from "../../helpers/scripted.ts"
import { drawn } from "../../helpers/sample.ts"

const MAIL = "jane.roe@example.com"
const FILTER = { pii_filter: { enabled: true } }

test.each(drawn(DIALECTS))("%s: a script reads placeholders, in a call and in its explanation", async (dialect) => {
  const sees = JSON.stringify(MAIL)
  const source = `export function route(ctx: any) {
    const all = ctx.text + JSON.stringify(ctx.request)
    return { targetIndex: all.includes(${sees}) || !all.includes("[EMAIL_") ? 1 : 0 } }`
  await using router = await startScripted(source, FILTER)
  const request = SAMPLES[dialect].request({ text: `write to ${MAIL}` })
  expect((await router.gateway.call(dialect, request)).text).toBe(SAMPLES[dialect].unary("first"))
  const { directory, configPath, env } = router.gateway.prepared
  const file = path.join(directory, "body.json")
  writeFileSync(file, request)
  const words = [
    "explain",
    "--request",
    file,
    "--caller",
    "me-lab",
    "--dialect",
    SAMPLES[dialect].configName,
    "--config",
    configPath,
  ]
  const { out } = await runHere([...words, "--json"], { env })
  const { targets } = JSON.parse(out) as { targets: readonly { provider: string; final_rank: number | null }[] }
  expect(targets.find(({ final_rank }) => final_rank === 0)?.provider).toBe(`first-${dialect}`)
})

test("a policy service that is sent the content reads placeholders", async () => {
  const service = (await FakeUpstream.start()).otherwise(reply('{"targetIndex":0}'))
  await using router = await startWith(() => ({
    strategy: "external",
    external_policy: {
      url: `${service.url}/decide`,
      allow_hosts: ["127.0.0.1"],
      timeout_ms: 30_000,
      include_request: true,
    },
    ...FILTER,
  }))
  await router.gateway.call("chat", SAMPLES.chat.request({ text: `write to ${MAIL}` }))
  const asked = bodyText(service.received("/decide")[0]!.request)
  expect(asked).toContain("[EMAIL_")
  expect(asked).not.toContain(MAIL)
  await service.stop()
})
