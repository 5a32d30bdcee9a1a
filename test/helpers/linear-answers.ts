/** Whole answers, errors and texts from outside that are made to take long, each of any size, and the work on them. */
import { defaultFacts } from "../../src/canonical/target.ts"
import type { JsonObject } from "../../src/canonical/json.ts"
import type { AnswerNeeds } from "../../src/dialects/answer-needs.ts"
import { packNeeds, unpackNeeds } from "../../src/dialects/answer-needs.ts"
import { CODECS, DIALECTS as KNOWN } from "../../src/dialects/registry.ts"
import { judgedReply } from "../../src/pipeline/apart/judged-answer.ts"
import { heldIdsIn } from "../../src/pipeline/apart/held-ids.ts"
import { turnAnswer } from "../../src/pipeline/apart/whole-answers.ts"
import { writeDecoded } from "../../src/pipeline/apart/written-request.ts"
import { editBody } from "../../src/pipeline/apart/edited-body.ts"
import { decode } from "../../src/pipeline/apart/decode.ts"
import { ModelName } from "../../src/dialects/model-name.ts"
import { maskSecrets } from "../../src/upstream/mask.ts"
import { SAMPLES, type Dialect } from "./samples.ts"

type Prepare = (count: number) => () => unknown
const times = <Part>(count: number, part: (index: number) => Part): Part[] =>
  Array.from({ length: count }, (_, at) => part(at))
const means = { mint: (prefix: string) => `${prefix}1`, now: () => 1 }

const REPLIES: Readonly<Record<Dialect, Readonly<Record<string, (count: number) => JsonObject>>>> = {
  chat: {
    choices: (count) => ({
      choices: times(count, (index) => ({ index, message: { role: "assistant", content: "x" } })),
    }),
    calls: (count) => ({
      choices: [
        {
          index: 0,
          message: {
            role: "assistant",
            content: null,
            tool_calls: times(count, () => ({ id: "c", type: "function", function: { name: "t", arguments: "{}" } })),
          },
        },
      ],
    }),
  },
  responses: {
    messages: (count) => ({
      output: times(count, (at) => ({
        type: "message",
        id: `m${at}`,
        role: "assistant",
        content: [{ type: "output_text", text: "x", annotations: [] }],
      })),
    }),
    calls: (count) => ({
      output: times(count, () => ({ type: "function_call", id: "f", call_id: "c", name: "t", arguments: "{}" })),
    }),
  },
  messages: {
    texts: (count) => ({ content: times(count, () => ({ type: "text", text: "x" })) }),
    calls: (count) => ({ content: times(count, () => ({ type: "tool_use", id: "c", name: "t", input: {} })) }),
  },
}

export const WHOLE_ANSWERS: readonly {
  readonly dialect: Dialect
  readonly name: string
  readonly make: (count: number) => JsonObject
}[] = (Object.keys(REPLIES) as Dialect[]).flatMap((dialect) =>
  Object.entries(REPLIES[dialect]).map(([name, make]) => ({ dialect, name, make })),
)

/** Judges a whole answer, names it anew, and writes it for a client. */
export function answered(dialect: Dialect, client: Dialect, make: (count: number) => JsonObject): Prepare {
  const needs = needsOf(client, dialect)
  const ways = { client: SAMPLES[client].configName, target: SAMPLES[dialect].configName }
  const model = new ModelName("shown")
  return (count) => {
    const bytes = Buffer.from(
      JSON.stringify({ id: "x", model: "m", type: "message", role: "assistant", status: "completed", ...make(count) }),
    )
    return () => [
      judgedReply(bytes, KNOWN[ways.target], "kept"),
      turnAnswer("reply", bytes, ways, needs),
      turnAnswer("unfold", bytes, ways, needs),
      model.body(bytes),
    ]
  }
}

function needsOf(client: Dialect, target: Dialect): AnswerNeeds {
  const bytes = Buffer.from(SAMPLES[client].request({ extra: client === "messages" ? { max_tokens: 9 } : {} }))
  const made = writeDecoded(
    decode(bytes, SAMPLES[client].configName),
    {
      client: SAMPLES[client].configName,
      target: SAMPLES[target].configName,
      facts: defaultFacts({ dialect: target, label: "one" }, "m"),
      foreignSeals: 0,
      grantedCap: null,
      cacheKey: null,
      compacts: false,
      isCompactedByVendor: false,
      neverStores: false,
      shownModel: "shown",
      showsEstimate: false,
    },
    means,
  )
  if (!("needs" in made)) throw made
  return unpackNeeds(packNeeds(made.needs), means)
}

const ERRORS: Readonly<Record<string, (count: number) => string>> = {
  findings: (count) => JSON.stringify({ detail: times(count, (at) => ({ loc: ["body", at], msg: "no" })) }),
  "keys that look secret": (count) => JSON.stringify({ error: { message: "sk-12345678 ".repeat(count) } }),
  organisations: (count) => JSON.stringify({ error: { message: "organization ".repeat(count) } }),
  "spelt characters": (count) => JSON.stringify({ error: { message: "%2541\\u0041".repeat(count) } }),
  backslashes: (count) => `no ${"\\".repeat(count)}`,
  "texts in texts": (count) => JSON.stringify({ error: { message: "no", metadata: { raw: '{"a":'.repeat(count) } } }),
}

export const FAULTS: readonly { readonly name: string; readonly make: (count: number) => string }[] = Object.entries(
  ERRORS,
).map(([name, make]) => ({ name, make }))

/** Reads the error of an upstream in each dialect, masks it and writes it for clients. */
export function refused(make: (count: number) => string): Prepare {
  return (count) => {
    const text = make(4 * count)
    const bytes = Buffer.from(text)
    return () =>
      Object.values(CODECS).map((codec, index) => {
        const fault = Object.values(KNOWN)[index]!.readFault(bytes)
        const failure = codec.readError(400, text.startsWith("{") ? (JSON.parse(text) as JsonObject) : text)
        return [fault, maskSecrets(bytes, /secret-key/gu), codec.writeError(failure, "req_1")]
      })
  }
}

/** Edits a request by configuration, and looks for ids of stored state in it. */
export function governed(make: (count: number) => JsonObject, dialect: Dialect): Prepare {
  const rules = { set: new Map([["p1", Buffer.from("1")]]), drop: [["p2"], ["metadata", "p3"]] as const }
  return (count) => {
    const members = Object.fromEntries(times(count, (at) => [`p${at}`, at]))
    const bytes = Buffer.from(JSON.stringify({ model: "m", ...make(count), ...members, metadata: members }))
    return () => [editBody([bytes], rules), heldIdsIn(bytes, SAMPLES[dialect].configName)]
  }
}
