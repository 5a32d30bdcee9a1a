/** What is done in the thread is what is done at once, byte for byte; and the line before it is bounded. */
import { afterAll, expect, test } from "bun:test"
import { defaultFacts, type TargetFacts } from "../canonical/target.ts"
import type { JsonObject } from "../canonical/json.ts"
import { unpackNeeds, type Means } from "../dialects/answer-needs.ts"
import { CODECS, DIALECTS as KNOWN } from "../dialects/registry.ts"
import { RouterError } from "../errors.ts"
import { judgedReply, judgedStream } from "../pipeline/apart/judged-answer.ts"
import { turnAnswer } from "../pipeline/apart/whole-answers.ts"
import { plainWriting, writeDecoded, type Writing } from "../pipeline/apart/written-request.ts"
import { decode } from "../pipeline/apart/decode.ts"
import { systemClock } from "../system/clock.ts"
import { silentLog, type Log } from "../system/log.ts"
import { REQUESTS } from "../../test/helpers/linear-cases.ts"
import { HeldClock } from "../../test/helpers/held-clock.ts"
import { DIALECTS, SAMPLES, type Dialect } from "../../test/helpers/samples.ts"
import { ALL_PAIRS } from "../../test/helpers/translating.ts"
import { conversation } from "../../test/helpers/conversation.ts"
import { ApartThread, openThread } from "./apart.ts"

const loop = { turn: () => Promise.resolve() }
const thread = new ApartThread(loop, systemClock, silentLog)
afterAll(() => thread.close())

let minted = 0
const means: Means = { mint: (prefix) => `${prefix}${(minted++).toString(16).padStart(24, "0")}`, now: () => 1 }
/** Ids that were made, and seconds of the clock. */
const alike = (text: string): string =>
  text.replaceAll(/[0-9a-f]{24}/gu, "ID").replaceAll(/"(created|created_at|completed_at)":\d+/gu, '"$1":0')
const textOf = (bytes: unknown): string => alike(Buffer.from(bytes as Uint8Array).toString())

function writingOf(client: Dialect, target: Dialect): Writing {
  const issuer = { dialect: target, label: "one", mark: () => "marked" }
  const facts: TargetFacts = defaultFacts(issuer, "vendor-model")
  return {
    client: SAMPLES[client].configName,
    target: SAMPLES[target].configName,
    facts,
    foreignSeals: 0,
    grantedCap: null,
    cacheKey: null,
    compacts: false,
    isCompactedByVendor: false,
    neverStores: true,
    shownModel: "shown",
    showsEstimate: true,
  }
}

function requestsOf(client: Dialect): Buffer[] {
  const cap = client === "messages" ? { max_tokens: 10 } : {}
  const cases = REQUESTS.filter(({ dialect }) => dialect === client).map(({ make }) => make(40))
  return [...cases, conversation(client, "hello") as JsonObject].map((body) =>
    Buffer.from(JSON.stringify({ model: "m", stream: true, ...cap, ...body })),
  )
}

test.each(ALL_PAIRS)("requests, and answers to them: %s to %s", async (client, target) => {
  const writing = writingOf(client, target)
  const { configName: to } = SAMPLES[target]
  for (const bytes of requestsOf(client)) {
    const here = writeDecoded(decode(bytes, writing.client), writing, means)
    const there = await thread.run("translate", "me", [bytes], plainWriting(writing))
    if (here instanceof RouterError || "code" in there) throw new Error("the request cannot be written")
    expect(textOf(there.body)).toBe(textOf(here.body))
    expect(there.losses).toEqual(here.losses)
    const needs = unpackNeeds(there.packedNeeds, means)
    const order = { client: writing.client, target: to, needs: there.packedNeeds }
    for (const [turn, answer] of [
      ["reply", SAMPLES[target].unary("words")],
      ["unfold", SAMPLES[target].unary("words")],
      ["fold", SAMPLES[target].frames().join("")],
      ["reply", '{"error":{"message":"no"}}'],
    ] as const) {
      const turnedHere = turnAnswer(turn, Buffer.from(answer), writing, here.needs)
      const turnedThere = await thread.run("turn", "me", [Buffer.from(answer)], { turn, ...order })
      if (turnedHere.answer instanceof Uint8Array) expect(textOf(turnedThere.answer)).toBe(textOf(turnedHere.answer))
      else expect(turnedThere.answer).toEqual(turnedHere.answer)
      expect(turnedThere.losses).toEqual(turnedHere.losses)
    }
    expect(streamedBy(client, target, needs)).toBe(streamedBy(client, target, here.needs))
  }
})

/** What the client is sent of the target's stream, with calls of every tool that the request declares or has called. */
function streamedBy(client: Dialect, target: Dialect, { context, options }: ReturnType<typeof unpackNeeds>): string {
  const reader = CODECS[SAMPLES[target].configName].createStreamReader(context)
  const writer = CODECS[SAMPLES[client].configName].createStreamWriter(options)
  let text = ""
  for (const frame of SAMPLES[target].frames())
    for (const event of reader.push({ data: /data: (.*)/u.exec(frame)?.[1] ?? "" })) text += String(writer.push(event))
  for (const event of reader.end()) text += String(writer.push(event))
  const names = context.names.parts().tools.map(({ wire, namespace }) => context.names.named(wire, namespace))
  return alike(
    text + JSON.stringify([names, names.map((name) => context.names.declared(name)), context.issuer.mark?.()]),
  )
}

test("whole answers are judged alike", async () => {
  for (const dialect of DIALECTS) {
    const { configName: name } = SAMPLES[dialect]
    for (const text of [SAMPLES[dialect].unary("words"), SAMPLES[dialect].errorBody("no"), "[]", '{"choices":[{}]}']) {
      const bytes = Buffer.from(text)
      const here = judgedReply(bytes, KNOWN[name], "kept")
      const there = await thread.run("judge", "me", [bytes], { dialect: name, returns: "kept" })
      expect(there).toEqual({ ...here, meter: here.meter?.counts ?? null })
    }
    const stream = Buffer.from(SAMPLES[dialect].frames().join(""))
    const { meter, ...here } = judgedStream(stream, KNOWN[name])
    expect(await thread.run("judgeStream", "me", [stream], name)).toEqual({ ...here, meter: meter.counts })
  }
})

test("bytes in pieces stay with the caller, and errors of the catalogue come back as they are", async () => {
  const pieces = ['{"messages":[{"role":"user",', '"content":"one two"}]}'].map((text) => Buffer.from(text))
  expect(await thread.run("countTokens", "me", pieces, undefined)).toBeGreaterThan(0)
  expect(Buffer.concat(pieces).toString()).toContain("one two")
  const refused = thread.run(
    "translate",
    "me",
    [Buffer.from('{"model":"m","messages":1}')],
    plainWriting(writingOf("chat", "messages")),
  )
  expect(await refused.catch((error: unknown) => error)).toMatchObject({
    code: "invalid-request",
    detail: { param: "messages" },
  })
  const broken = thread.run("countTokens", "me", [Buffer.from("{")], undefined)
  expect(String(await broken.catch((error: unknown) => error))).toContain("JSON")
})

test("of one caller eight jobs wait beside the one that is done, of all 64; further ones are refused, and those that wait are done", async () => {
  const body = Buffer.from('{"messages":[]}')
  const ask = (owner: string): Promise<unknown> =>
    thread.run("countTokens", owner, [body], undefined).catch((error: unknown) => error)
  const ofOne = Array.from({ length: 10 }, () => ask("one"))
  const ofOthers = Array.from({ length: 60 }, (_, at) => ask(`other ${at}`))
  const results = await Promise.all([...ofOne, ...ofOthers])
  const refused = results.map((result): string => (result instanceof RouterError ? result.code : "done"))
  expect(refused.slice(0, 10)).toEqual([...Array.from({ length: 9 }, () => "done"), "overloaded"])
  expect(refused.slice(10).filter((word) => word === "overloaded")).toHaveLength(4)
  expect(results.find((result) => result instanceof RouterError)).toMatchObject({
    status: 503,
    retryAfterS: expect.any(Number),
  })
  expect(await ask("one")).toBe(results[0])
})

test("a request whose answer would have to repeat too much is refused", async () => {
  const tools = [{ type: "function", name: "t", description: "long ".repeat(300_000), parameters: { type: "object" } }]
  const bytes = Buffer.from(JSON.stringify({ model: "m", input: "hello", tools }))
  const refused = await thread
    .run("translate", "me", [bytes], plainWriting(writingOf("responses", "chat")))
    .catch((error: unknown) => error)
  expect(refused).toMatchObject({ code: "invalid-request", status: 400 })
})

test("a job whose thread is lost fails, the log says so, and the next jobs have a new thread", async () => {
  const opened: NonNullable<ReturnType<typeof openThread>>[] = []
  const told: string[] = []
  const log: Log = { ...silentLog, error: (message) => void told.push(message) }
  const open = (): ReturnType<typeof openThread> => {
    const one = openThread()
    if (one !== null) opened.push(one)
    return one
  }
  const losing = new ApartThread(loop, systemClock, log, open)
  const body = Buffer.from(JSON.stringify({ messages: [{ role: "user", content: "words ".repeat(1_000_000) }] }))
  const cut = losing.run("countTokens", "me", [body], undefined).catch((error: unknown) => error)
  const behind = losing.run("countTokens", "me", [Buffer.from('{"messages":[]}')], undefined)
  await opened[0]!.terminate()
  expect(await cut).toBeInstanceOf(Error)
  expect(await cut).not.toBeInstanceOf(RouterError)
  expect(await behind).toBe(await thread.run("countTokens", "me", [Buffer.from('{"messages":[]}')], undefined))
  expect([opened.length, told]).toEqual([2, ["the thread for large bodies was lost"]])
  losing.close()
})

test("the thread starts by itself after the router has", async () => {
  const clock = new HeldClock(0)
  let opened = 0
  const starting = new ApartThread(loop, clock, silentLog, () => {
    opened += 1
    return null
  })
  expect(opened).toBe(0)
  await clock.advance(2000)
  expect(opened).toBe(1)
  starting.close()
  const closed = new ApartThread(loop, clock, silentLog, () => {
    throw new Error("it was closed before")
  })
  closed.close()
  await clock.advance(2000)
})

test("without a thread a job is refused for now, and done once there is one", async () => {
  let isFull = true
  const waiting = new ApartThread(loop, systemClock, silentLog, () => (isFull ? null : openThread()))
  const ask = (): Promise<unknown> =>
    waiting.run("countTokens", "me", [Buffer.from('{"messages":[]}')], undefined).catch((error: unknown) => error)
  expect(await ask()).toMatchObject({ code: "overloaded", status: 503, retryAfterS: expect.any(Number) })
  isFull = false
  expect(await ask()).toBeNumber()
  waiting.close()
})

test("what waits when the thread is closed is told so, and a job that was being done, too", async () => {
  const closing = new ApartThread(loop, systemClock, silentLog)
  const waiting = [1, 2].map(() =>
    closing.run("countTokens", "me", [Buffer.from("{}")], undefined).catch((error: unknown) => error),
  )
  closing.close()
  for (const error of await Promise.all(waiting)) expect(error).toMatchObject({ code: "shutting-down" })
})
