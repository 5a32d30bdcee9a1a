/** A fault of the router's own while it is at a target: 500, written down with its cause, and never held against the provider. */
import { afterEach, beforeEach, describe, expect, spyOn, test } from "bun:test"
import { DIALECTS as PRODUCT } from "../../../src/dialects/registry.ts"
import type { Dialect as ProductDialect } from "../../../src/dialects/dialect.ts"
import type { Log } from "../../../src/system/log.ts"
import { stream } from "../../helpers/behaviours.ts"
import { eventually, get } from "../../helpers/client.ts"
import { expectError } from "../../helpers/expectations.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import type { Gateway } from "../../helpers/gateway.ts"
import { startGateway } from "../../helpers/gateway.ts"
import { ALL_SAMPLES, type Sample } from "../../helpers/samples.ts"
import { at, FAILURE_TERMINAL, terminalsOf } from "../../helpers/streams.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"
import { drawn } from "../../helpers/sample.ts"

let first: FakeUpstream
let second: FakeUpstream
let gateway: Gateway
let logged: { readonly message: string; readonly fields: Readonly<Record<string, unknown>> }[] = []
const quiet = (): void => {}
const log: Log = {
  info: quiet,
  warn: quiet,
  error: (message, fields = {}) => void logged.push({ message, fields }),
}

beforeEach(async () => {
  logged = []
  first = (await FakeUpstream.start()).otherwise(vendorAnswer())
  second = (await FakeUpstream.start()).otherwise(vendorAnswer("second"))
  const configure = (config: { server: Record<string, unknown>; callers: Record<string, unknown>[] }): void => {
    config.server["breaker"] = { failures: 1 }
    config.callers[0]!["quota"] = { day: { tokens: 10_000, requests: 100 } }
  }
  gateway = await startGateway({ upstreams: { first, second }, configure }, { log })
})

afterEach(async () => {
  await gateway[Symbol.asyncDispose]()
  await Promise.all([first.stop(), second.stop()])
})

class Ours extends TypeError {}

/** Lets a part of the product break while `run` runs. */
async function broken(
  dialect: ProductDialect,
  part: "judgeReply" | "createObserver",
  isLate: boolean,
  run: () => Promise<void>,
) {
  const make = dialect.createObserver.bind(dialect)
  const fail = (): never => {
    throw new Ours("a mistake of ours")
  }
  const spy =
    part === "judgeReply"
      ? spyOn(dialect, part).mockImplementation(fail)
      : spyOn(dialect, part).mockImplementation((request) => {
          const observer = make(request)
          const frame = observer.frame.bind(observer)
          let frames = 0
          const most = isLate ? (FRAMES_BEFORE[dialect.name] ?? 0) + 1 : 0
          observer.frame = (bytes, start, end) => ((frames += 1) > most ? fail() : frame(bytes, start, end))
          return observer
        })
  try {
    await run()
  } finally {
    spy.mockRestore()
  }
}

const FRAMES_BEFORE: Readonly<Record<string, number>> = Object.fromEntries(
  ALL_SAMPLES.map(({ configName, framesBeforeContent }) => [configName, framesBeforeContent]),
)

async function expectNobodyIsBlamed(sample: Sample): Promise<void> {
  const { limits } = JSON.parse((await get(gateway, "/v1/usage")).text) as { limits: { reserved: number }[] }
  for (const { reserved } of limits) expect(reserved).toBe(0)
  const next = await gateway.call(sample.dialect, sample.request({ text: "next" }))
  expect(next.text).toBe(sample.unary())
  expect(gateway.records.trace(next.requestId).map(({ event }) => event)).not.toContain("target_deferred")
}

for (const sample of drawn(ALL_SAMPLES)) {
  const { dialect } = sample
  const product = PRODUCT[sample.configName]

  describe(dialect, () => {
    for (const isStream of [false, true]) {
      test(`${isStream ? "before the content of a stream" : "with a whole answer"}: the call fails, at once`, async () => {
        await broken(product, isStream ? "createObserver" : "judgeReply", false, async () => {
          const answer = await gateway.call(dialect, sample.request({ stream: isStream }))
          expectError(answer, dialect, 500, "internal-error")
          expect(gateway.records.usage(answer.requestId)).toMatchObject([
            { status: 500, error: "internal-error", total_tokens: null },
          ])
          expect(gateway.records.attempts(answer.requestId)).toMatchObject([
            { error_class: "internal", retryable: 0, selected: 0 },
          ])
          expect(gateway.records.errors(answer.requestId)).toMatchObject([{ blame: "router" }])
          expect(logged).toMatchObject([{ fields: { request_id: answer.requestId } }])
          expect(logged[0]?.fields["error"]).toBeInstanceOf(Ours)
        })
        expect(second.exchanges).toEqual([])
        await expectNobodyIsBlamed(sample)
      })
    }

    test("in the middle of a stream: it ends with the error, and the upstream is left", async () => {
      const frames = sample.frames(["a", "b", "c"])
      first.plan("middle", stream([...frames.slice(0, sample.framesBeforeContent + 2), { end: "stall" }]))
      await broken(product, "createObserver", true, async () => {
        const answer = await gateway.call(dialect, sample.request({ text: "middle", stream: true }))
        expect(answer.status).toBe(200)
        expect(terminalsOf(dialect, answer.text)).toEqual([FAILURE_TERMINAL[dialect]])
        expect(answer.text).toContain("internal-error")
        await (
          await first.arrival("middle")
        ).left
        const [row] = await eventually("the row", () => nonEmpty(gateway.records.usage(answer.requestId)))
        expect(row).toMatchObject({ status: 500, error: "internal-error" })
        expect(at(gateway.records.attempts(answer.requestId), 0, "error_class")).toBe("internal")
        expect(logged[0]?.fields["error"]).toBeInstanceOf(Ours)
      })
      await expectNobodyIsBlamed(sample)
    })
  })
}

function nonEmpty<T>(list: readonly T[]): readonly T[] | undefined {
  return list.length === 0 ? undefined : list
}
