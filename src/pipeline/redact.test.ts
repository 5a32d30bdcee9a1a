/** The filter fails closed: whatever keeps it from its work refuses the call, and says nothing of the request. */
import { describe, expect, test } from "bun:test"
import type { Credential } from "../config/snapshot.ts"
import { DIALECTS } from "../dialects/registry.ts"
import { RouterError } from "../errors.ts"
import { scanObject } from "../json/scan.ts"
import { DETECTOR_NAMES, type PiiFilter } from "../pii/filter.ts"
import { silentLog, type Log } from "../system/log.ts"
import type { Apart } from "./apart/apart.ts"
import { JOBS } from "./apart/jobs.ts"
import type { AdmittedCall } from "./call.ts"
import { Notes } from "./call/notes.ts"
import { CallRequest } from "./call/request.ts"
import { redact } from "./redact.ts"

const MAIL = "jane@example.com"
const CHAT = DIALECTS["openai-chat"]
const FILTER: PiiFilter = {
  rules: DETECTOR_NAMES.map((name) => ({ name, expression: null })),
  parts: { system: true, messages: true, responses_input: true, tool_results: true, image_urls: false },
  blocks: false,
  restores: true,
  maxReplacements: Infinity,
  mode: "redact_and_restore",
}

function callOf(
  texts: readonly string[],
  changes: Partial<PiiFilter> = {},
  pseudonym: string | null = "secret",
): AdmittedCall {
  const messages = texts.map((content) => ({ role: "user", content }))
  const body = scanObject(Buffer.from(JSON.stringify({ model: "m", messages })), Infinity)
  const credential = { caller: { id: "me", project: "lab" }, pseudonymKey: "key" } as Credential
  const incoming = { headers: { get: () => null }, path: "/v1/chat/completions" }
  const read = { body, facts: CHAT.peek(body), heldIds: null, isSealed: null }
  return {
    id: "req_1",
    credential,
    group: { piiFilter: { ...FILTER, ...changes } },
    notes: new Notes(),
    request: new CallRequest({ dialect: CHAT, incoming, credential, ts: 0 }, read),
    snapshot: { pseudonymOf: () => pseudonym },
  } as unknown as AdmittedCall
}

const bodyOf = ({ request }: AdmittedCall): string => Buffer.from(request.body.bytes).toString()

interface Parts {
  readonly turns: number[]
  readonly told: unknown[]
  readonly jobs: string[]
  readonly means: Parameters<typeof redact>[1]
}

/** `run`: what the thread does with a job; at once, as it should, by default. */
function parts(run?: () => Promise<never>): Parts {
  const [turns, told, jobs]: [number[], unknown[], string[]] = [[], [], []]
  const log: Log = {
    ...silentLog,
    error: (...words) => void told.push(words),
    warn: (...words) => void told.push(words),
  }
  const apart = {
    run: async (name: "redact", _owner: string, pieces: readonly Uint8Array[], order: never) => {
      jobs.push(name)
      return run === undefined ? JOBS[name](Buffer.concat([...pieces]), order, { mint: () => "", now: () => 0 }) : run()
    },
  } as unknown as Apart
  const loop = {
    turn: async () => void turns.push(1),
    timed: (_step: string, _id: string, _bytes: number, work: () => unknown) => work(),
  }
  return { turns, told, jobs, means: { apart, log, loop: loop as never } }
}

async function refusalOf(call: AdmittedCall, means: Parts["means"]): Promise<RouterError> {
  try {
    await redact(call, means)
  } catch (error) {
    if (error instanceof RouterError) return error
    throw error
  }
  throw new Error("the call goes on")
}

const LONG = `${"lorem ipsum ".repeat(10_000)} ${MAIL}`

describe("a filter that cannot do its work refuses the call", () => {
  test("a detector that fails", async () => {
    const rules = [{ name: "broken", expression: "(", prefix: "X" }]
    for (const texts of [[MAIL], [LONG]]) {
      const { means, told } = parts()
      const call = callOf(texts, { rules })
      const error = await refusalOf(call, means)
      expect([error.code, error.status, error.cause]).toEqual(["pii-filter-failed", 502, undefined])
      expect(told).toHaveLength(1)
      expect(call.notes.redaction).toMatchObject({ counts: [], replacements: 0 })
    }
  })

  test("a thread that is lost, whose last words are not repeated", async () => {
    const { means, told } = parts(() => Promise.reject(new Error(`at ${MAIL}`)))
    const call = callOf([LONG])
    const error = await refusalOf(call, means)
    expect([error.code, error.status]).toEqual(["pii-filter-failed", 502])
    expect(JSON.stringify([told, error.message, error.detail])).not.toContain(MAIL)
    expect(bodyOf(call)).toContain(MAIL)
  })

  test("a thread with too much work says so itself", async () => {
    const { means, told } = parts(() => Promise.reject(new RouterError("overloaded")))
    expect((await refusalOf(callOf([LONG]), means)).code).toBe("overloaded")
    expect(told).toEqual([])
  })

  test("a request that takes too long", () => {
    const { body } = callOf(Array.from({ length: 200 }, () => LONG)).request
    let seconds = 0
    const order = { dialect: CHAT.name, filter: FILTER, key: "key" }
    const work = (): unknown => JOBS.redact(body.bytes, order, { mint: () => "", now: () => (seconds += 6) })
    expect(work).toThrow(
      new RouterError("pii-filter-failed", { message: "Looking for personal data in this request takes too long." }),
    )
  })
})

describe("no request holds the event loop", () => {
  test("a small body is filtered at once", () => {
    const { means, turns, jobs } = parts()
    const call = callOf([MAIL])
    expect(redact(call, means)).toBeUndefined()
    expect([bodyOf(call).includes(MAIL), turns.length, jobs.length]).toEqual([false, 0, 0])
    expect([...(call.request.originals ?? [])].map(([, value]) => value)).toEqual([MAIL])
  })

  test("a body of many texts lets others have their turn", async () => {
    const { means, turns, jobs } = parts()
    const call = callOf(Array.from({ length: 40 }, () => LONG.slice(-10_000)))
    await redact(call, means)
    expect([bodyOf(call).includes(MAIL), jobs.length]).toEqual([false, 0])
    expect(turns.length).toBeGreaterThan(10)
  })

  test("so does a body with expressions, also within one text", async () => {
    const { means, turns } = parts()
    const rules = [{ name: "x", expression: "[a-z]+@[a-z.]+", prefix: "X" }]
    const call = callOf([`${MAIL} lorem `.repeat(2500)], { rules })
    await redact(call, means)
    expect([bodyOf(call).includes(MAIL), turns.length > 5]).toEqual([false, true])
  })

  test("a long text goes to the thread, with the same result", async () => {
    const { means, jobs } = parts()
    const call = callOf([LONG, MAIL])
    await redact(call, means)
    expect(jobs).toEqual(["redact"])
    expect(bodyOf(call)).not.toContain(MAIL)
    const [placeholder = ""] = call.request.originals?.keys() ?? []
    expect(bodyOf(call).split(placeholder)).toHaveLength(3)
  })
})

test("an expression that may take long goes to the thread, however short the text is", async () => {
  const { means, jobs } = parts()
  const rules = [{ name: "x", expression: String.raw`(?i)\pL{300}|jane@example\.com`, prefix: "X" }]
  const call = callOf([MAIL], { rules })
  await redact(call, means)
  expect([jobs, bodyOf(call).includes(MAIL)]).toEqual([["redact"], false])
})

test("a group that does not restore keeps no originals", () => {
  const call = callOf([MAIL], { restores: false })
  void redact(call, parts().means)
  expect([call.request.originals, bodyOf(call).includes(MAIL)]).toEqual([null, false])
})

test("placeholders are those of the project, and of the token where the installation's secret is not known", () => {
  const placeholderIn = (pseudonym: string | null): string => {
    const call = callOf([MAIL], {}, pseudonym)
    void redact(call, parts().means)
    return [...(call.request.originals ?? new Map<string, string>()).keys()].join("")
  }
  expect(placeholderIn("a")).toBe(placeholderIn("a"))
  expect(new Set([placeholderIn("a"), placeholderIn("b"), placeholderIn(null)]).size).toBe(3)
})
