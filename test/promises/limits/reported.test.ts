/** `smart-router limits` shows what the running router counts: what was used, and what calls in flight hold. */
import { expect, test } from "bun:test"
import { reply } from "../../helpers/behaviours.ts"
import { get } from "../../helpers/client.ts"
import { runHere } from "../../helpers/command-line.ts"
import { callerEntry, newToken } from "../../helpers/config.ts"
import { type Behaviour, FakeUpstream } from "../../helpers/fake-upstream.ts"
import { startGateway } from "../../helpers/gateway.ts"
import { SAMPLES } from "../../helpers/samples.ts"
import { at } from "../../helpers/streams.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"

const token = newToken("app")

interface Line {
  readonly limit: string
  readonly used: number
  readonly reserved: number
  readonly remaining: number
}

test("the command and the caller's own view agree, with a call in flight and behind it", async () => {
  const upstream = (await FakeUpstream.start()).otherwise(vendorAnswer())
  await using router = await startGateway({
    upstreams: { upstream },
    configure: (config) => {
      const limits = { quota: { day: { tokens: 50_000, requests: 40 } }, spend: { month_usd: 10 } }
      config.callers.push(callerEntry("app", token, ["default"], limits))
    },
  })
  const gate = Promise.withResolvers<void>()
  const held: Behaviour = async (exchange) => {
    await gate.promise
    await reply(SAMPLES.chat.unary())(exchange)
  }
  upstream.plan("held", held)
  const body = SAMPLES.chat.request({ text: "held", extra: { max_tokens: 20 } })
  const calling = router.call("chat", body, { token })
  await upstream.arrival("held")
  const during = await shown()
  expect(during).toEqual(await ownView())
  expect(during.filter(({ reserved }) => reserved > 0).length).toBe(3)
  gate.resolve()
  await calling
  const behind = await shown()
  expect(behind).toEqual(await ownView())
  expect(behind.map(({ reserved, used }) => [reserved, used > 0])).toEqual([
    [0, true],
    [0, true],
    [0, true],
  ])
  await upstream.stop()

  async function shown(): Promise<readonly Line[]> {
    const args = ["limits", "--config", router.prepared.configPath, "--where", "caller=app", "--format", "json"]
    const { code, out, err } = await runHere(args, { env: router.prepared.env })
    expect([code, err]).toEqual([0, ""])
    const tables = at(JSON.parse(out), "tables") as readonly {
      readonly columns: readonly { readonly key: string }[]
      readonly rows: readonly (readonly (string | number)[])[]
    }[]
    const lines = tables.flatMap(({ columns, rows }) =>
      rows.map((row): Line => {
        const of = (key: string): number =>
          Number(row[columns.findIndex((column) => column.key.replace(/_(usd|tokens)$/, "") === key)])
        return { limit: String(row[2]), used: of("used"), reserved: of("reserved"), remaining: of("remaining") }
      }),
    )
    return lines.toSorted((one, other) => one.limit.localeCompare(other.limit))
  }

  async function ownView(): Promise<readonly Line[]> {
    const lines = at(JSON.parse((await get(router, "/v1/usage", { token })).text), "limits") as readonly Line[]
    return lines
      .map(({ limit, used, reserved, remaining }) => ({ limit, used, reserved, remaining }))
      .toSorted((one, other) => one.limit.localeCompare(other.limit))
  }
}, 60_000)
