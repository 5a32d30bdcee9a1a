/** Calls of one conversation stay on one target, as long as it is there. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { reply } from "../../helpers/behaviours.ts"
import type { Config } from "../../helpers/config.ts"
import { callerEntry, newToken, targetsOf } from "../../helpers/config.ts"
import { parsed } from "../../helpers/expectations.ts"
import { bodyText, FakeUpstream } from "../../helpers/fake-upstream.ts"
import type { Gateway } from "../../helpers/gateway.ts"
import { startGateway } from "../../helpers/gateway.ts"
import type { Dialect } from "../../helpers/samples.ts"
import { DIALECTS, SAMPLES } from "../../helpers/samples.ts"
import { SEALS, wholeAnswer } from "../../helpers/scenario.ts"
import { allowAll } from "../../helpers/translating.ts"
import { turns, type Turns } from "../../helpers/turns.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"
import { drawn } from "../../helpers/sample.ts"

const NAMES = ["one", "two", "three"] as const
const OTHER = newToken("k2")
let upstreams: Readonly<Record<(typeof NAMES)[number], FakeUpstream>>
let gateway: Gateway

function configure(config: Config): void {
  for (const strategy of ["weighted", "failover"])
    config.models[strategy] = { strategy, targets: targetsOf(NAMES), translation: "off" }
  config.models["loose"] = { ...config.models["weighted"], affinity: { enabled: false } }
  config.callers.push(callerEntry("other", OTHER, []))
  allowAll(config)
}

beforeAll(async () => {
  const [one, two, three] = await Promise.all(NAMES.map(async () => FakeUpstream.start()))
  upstreams = { one: one!, two: two!, three: three! }
  for (const upstream of Object.values(upstreams)) upstream.otherwise(vendorAnswer())
  gateway = await startGateway({ upstreams, configure })
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await Promise.all(Object.values(upstreams).map(async (upstream) => upstream.stop()))
})

interface Options {
  readonly headers?: Readonly<Record<string, string>>
  readonly extra?: Readonly<Record<string, unknown>>
  readonly token?: string
  readonly group?: string
}

/** The name of the upstream that served the call, and the answer. */
async function say(dialect: Dialect, said: Turns, options: Options = {}): Promise<readonly [string, unknown]> {
  const { group = "weighted", headers = {}, extra = {}, token } = options
  const body = SAMPLES[dialect].request({ model: group, extra: { ...said.extra, ...extra } })
  const answer = await gateway.call(dialect, body, { headers, ...(token === undefined ? {} : { token }) })
  expect(answer.status).toBe(200)
  const provider = String(gateway.records.usage(answer.requestId)[0]?.target_provider)
  return [provider.split("-")[0]!, parsed(answer)]
}

/** Where the calls of a conversation went. */
async function places(dialect: Dialect, count: number, question: string, options: Options = {}): Promise<string[]> {
  const said = turns(dialect, question)
  const went: string[] = []
  for (let turn = 0; turn < count; turn++) {
    const [place, answer] = await say(dialect, said, options)
    went.push(place)
    said.goOn(answer, `and ${turn}?`)
  }
  return went
}

describe.each(drawn(DIALECTS))("%s", (dialect) => {
  test("a conversation is known by its first turns", async () => {
    const starts = new Set<string>()
    for (let conversation = 0; conversation < 12; conversation++) {
      const went = await places(dialect, 6, `question ${conversation} of ${dialect}`)
      expect(new Set(went).size).toBe(1)
      starts.add(went[0]!)
    }
    // twelve draws of three: that all fall on one happens once in a hundred thousand runs
    expect(starts.size).toBeGreaterThan(1)
  })

  test("calls that begin with the same words are drawn anew each time", async () => {
    const went = new Set<string>()
    for (let call = 0; call < 24; call++) went.add((await places(dialect, 1, "the same"))[0]!)
    expect(went.size).toBeGreaterThan(1)
  })

  test("a session is one, whatever its calls say; callers do not share it", async () => {
    for (const name of ["x-session-id", "X-Claude-Code-Session-Id"]) {
      const headers = { [name]: `s-${dialect}` }
      const went = new Set<string>()
      for (let call = 0; call < 12; call++) went.add((await places(dialect, 1, `${name} ${call}`, { headers }))[0]!)
      expect([name, went.size]).toEqual([name, 1])
      const others = new Set<string>()
      for (let session = 0; session < 16; session++)
        others.add((await places(dialect, 1, "other", { headers: { [name]: `${session} ${dialect}` } }))[0]!)
      expect(others.size).toBeGreaterThan(1)
    }
    const headers = { "x-session-id": `shared-${dialect}` }
    const [mine] = await places(dialect, 1, "mine", { headers })
    const theirs = await places(dialect, 3, "theirs", { headers, token: OTHER })
    expect(new Set(theirs).size).toBe(1)
    expect((await places(dialect, 2, "mine again", { headers }))[0]).toBe(mine)
  })

  test("a pin yields when its target fails, and the one that served is the next", async () => {
    const headers = { "x-session-id": `moves-${dialect}` }
    const marker = `moves ${dialect}`
    const [first] = await places(dialect, 1, marker, { headers })
    upstreams[first as "one"].plan(marker, reply("", { status: 500 }))
    const went = await places(dialect, 4, marker, { headers })
    expect(went).not.toContain(first!)
    expect(new Set(went).size).toBe(1)
    upstreams[first as "one"].plan(marker, vendorAnswer())
    expect(await places(dialect, 2, marker, { headers })).toEqual([went[0]!, went[0]!])
  })

  test("a fixed order stays as it is; without affinity every call is drawn", async () => {
    const headers = { "x-session-id": `fixed-${dialect}` }
    const marker = `fixed ${dialect}`
    upstreams.one.plan(marker, reply("", { status: 500 }), vendorAnswer())
    expect(await places(dialect, 3, marker, { headers, group: "failover" })).toEqual(["two", "one", "one"])
    const loose = await places(dialect, 24, "loose", { headers, group: "loose" })
    expect(new Set(loose).size).toBeGreaterThan(1)
  })

  test("the trace says who was pinned and by what, and holds neither session nor words", async () => {
    const headers = { "x-session-id": `traced-${dialect}` }
    const said = turns(dialect, "a secret question")
    await say(dialect, said, { headers })
    const answer = await gateway.call(dialect, SAMPLES[dialect].request({ model: "weighted", extra: said.extra }), {
      headers,
    })
    const trace = gateway.records.trace(answer.requestId)
    const served = gateway.records.usage(answer.requestId)[0]?.target_provider
    expect(trace.filter(({ event }) => event === "affinity_pin")).toMatchObject([
      { reason: "session", target_provider: served },
    ])
    expect(trace.map(({ seq }) => seq)).toEqual(trace.map((_, index) => index))
    expect(JSON.stringify(trace)).not.toContain("traced-")
    expect(JSON.stringify(trace)).not.toContain("secret")
  })
})

test.each(["chat", "responses"] as const)(
  "%s: a prompt cache key keeps a conversation on its target",
  async (dialect) => {
    const extra = { prompt_cache_key: `key-${dialect}` }
    const went = new Set<string>()
    for (let call = 0; call < 12; call++) went.add((await places(dialect, 1, `cached ${call}`, { extra }))[0]!)
    expect(went.size).toBe(1)
  },
)

describe.each(["responses", "messages"] as const)("%s: sealed reasoning", (dialect) => {
  const sealedBy = (name: string): string =>
    wholeAnswer(dialect, { reasoning: "Thought.", text: "Answer.", stop: "end" }).replace(
      SEALS[dialect],
      `${SEALS[dialect]}-${name}`,
    )
  const extra =
    dialect === "responses"
      ? { store: false, reasoning: { effort: "high" } }
      : { max_tokens: 9000, thinking: { type: "adaptive" } }
  const sealsAt = (upstream: FakeUpstream, marker: string): string[] => {
    const body = bodyText(upstream.received(marker).at(-1)!.request)
    return NAMES.filter((name) => body.includes(`${SEALS[dialect]}-${name}`))
  }

  test("goes back to its issuer, even against a fixed order; nobody else gets it; others' is dropped on a forced move", async () => {
    const marker = `sealed ${dialect}`
    const options = { group: "failover", extra }
    const down = reply("", { status: 503 })
    for (const name of NAMES) upstreams[name].plan(marker, reply(sealedBy(name)))
    upstreams.one.plan(marker, down)
    const said = turns(dialect, marker)
    const next = async (): Promise<string> => {
      const [place, answer] = await say(dialect, said, options)
      said.goOn(answer, "and?")
      return place
    }
    // the first of the order is down, so the second reasons
    expect(await next()).toBe("two")
    // it is back: what two sealed goes to two all the same, byte for byte
    upstreams.one.plan(marker, reply(sealedBy("one")))
    expect(await next()).toBe("two")
    expect(sealsAt(upstreams.two, marker)).toEqual(["two"])
    // two is down: the conversation moves without its reasoning
    upstreams.two.plan(marker, down)
    expect(await next()).toBe("one")
    expect(sealsAt(upstreams.one, marker)).toEqual([])
    // and stays, with what one sealed, and without what two did
    upstreams.two.plan(marker, reply(sealedBy("two")))
    expect(await next()).toBe("one")
    expect(sealsAt(upstreams.one, marker)).toEqual(["one"])
    expect(await next()).toBe("one")
    expect(sealsAt(upstreams.one, marker)).toEqual(["one"])
  })

  test("what was dropped is a loss with a code; an issuer that nobody knows gets everything", async () => {
    const marker = `lost ${dialect}`
    const headers = { "x-session-id": marker }
    for (const name of NAMES) upstreams[name].plan(marker, reply(sealedBy(name)))
    const said = turns(dialect, marker)
    const [place, answer] = await say(dialect, said, { headers, extra })
    said.goOn(answer, "and?")
    const body = SAMPLES[dialect].request({ model: "weighted", extra: { ...said.extra, ...extra } })
    const stranger = await gateway.call(dialect, body, { headers: { "x-session-id": "nobody knows this one" } })
    expect(stranger.headers.get("x-router-losses")).toBeNull()
    upstreams[place as "one"].plan(marker, reply("", { status: 500 }))
    const moved = await gateway.call(dialect, body, { headers })
    expect(moved.status).toBe(200)
    expect(moved.headers.get("x-router-losses")).toContain("reasoning-history")
    expect(gateway.records.losses(moved.requestId).map(({ code }) => code)).toContain("reasoning-history")
  })
})

test("a pinned target whose breaker is open comes last: the conversation moves before it is tried", async () => {
  const [sick, well] = await Promise.all([FakeUpstream.start(), FakeUpstream.start()])
  sick.otherwise(vendorAnswer())
  well.otherwise(vendorAnswer())
  await using gate = await startGateway({
    upstreams: { sick, well },
    configure: (config) => {
      config.server["breaker"] = { failures: 2, window: "10m", cooldown: "10m" }
      config.models["default"] = { strategy: "weighted", targets: targetsOf(["sick", "well"]), translation: "off" }
    },
  })
  const served = async (session: string, text: string): Promise<unknown> => {
    const answer = await gate.call("chat", SAMPLES.chat.request({ text }), { headers: { "x-session-id": session } })
    expect(answer.status).toBe(200)
    const [row] = gate.records.usage(answer.requestId)
    return [row?.target_provider, row?.attempts]
  }
  // conversations that sick serves
  const pinned: string[] = []
  for (let session = 0; pinned.length < 3; session++) {
    const [provider] = (await served(String(session), "start")) as [string, number]
    if (provider === "sick-chat") pinned.push(String(session))
  }
  sick.plan("fails now", reply("", { status: 500 }))
  expect(await served(pinned[0]!, "fails now")).toEqual(["well-chat", 2])
  expect(await served(pinned[1]!, "fails now")).toEqual(["well-chat", 2])
  // it is open now: the third conversation does not find out by itself
  expect(await served(pinned[2]!, "fails now")).toEqual(["well-chat", 1])
  await Promise.all([sick.stop(), well.stop()])
})
