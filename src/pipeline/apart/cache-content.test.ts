/** Which requests ask the same: the law of the response cache's key. */
import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { expectProperty } from "../../../test/helpers/property.ts"
import { DIALECTS, SAMPLES, type Dialect } from "../../../test/helpers/samples.ts"
import { scanObject } from "../../json/scan.ts"
import { cacheContent } from "./cache-content.ts"

type Body = Readonly<Record<string, unknown>>

function keyOf(dialect: Dialect, body: Body | string): string | null {
  const bytes = Buffer.from(typeof body === "string" ? body : JSON.stringify(body))
  return cacheContent(bytes, scanObject(bytes, 512).values, SAMPLES[dialect].configName)
}

const bodyOf = (dialect: Dialect, extra: Body = {}): Body => ({
  ...(JSON.parse(SAMPLES[dialect].request({ extra: { temperature: 0 } })) as Body),
  ...extra,
})

/** Fields that cannot change the answer, as each dialect says them. */
const UNCOUNTED: Readonly<Record<Dialect, Readonly<Record<string, readonly unknown[]>>>> = {
  chat: {
    model: ["default", "other"],
    stream: [true, false, undefined],
    stream_options: [{ include_usage: true }, undefined],
    user: ["a", "b", undefined],
    safety_identifier: ["a", undefined],
    metadata: [{ of: "me" }, undefined],
    prompt_cache_key: ["a", "b", undefined],
    store: [false, undefined],
  },
  responses: {
    model: ["default", "other"],
    stream: [true, false, undefined],
    user: ["a", "b", undefined],
    metadata: [{ of: "me" }, undefined],
    prompt_cache_key: ["a", undefined],
    store: [false, undefined],
  },
  messages: {
    model: ["default", "other"],
    stream: [true, undefined],
    metadata: [{ user_id: "a" }, undefined],
    cache_control: [{ type: "ephemeral" }, undefined],
  },
}

/** Some of what counts: known fields, and those that nobody here knows. */
const COUNTED: Readonly<Record<Dialect, Readonly<Record<string, readonly unknown[]>>>> = {
  chat: {
    max_tokens: [1, 2, undefined],
    n: [2, 3, undefined],
    seed: [1, 9007199254740993n, undefined],
    tool_choice: ["none", undefined],
    response_format: [{ type: "json_object" }, undefined],
    stop: ["a", ["a", "b"], undefined],
    top_p: [0.5, 0.6, undefined],
    logit_bias: [{ 5: 1 }, { 5: 2 }, undefined],
    logprobs: [true, undefined],
    reasoning_effort: ["low", "high", undefined],
    reasoning: [{ effort: "low" }, undefined],
    service_tier: ["flex", undefined],
    unknown_field: [1, "1", true, [], {}, undefined],
  },
  responses: {
    max_output_tokens: [1, 2, undefined],
    instructions: ["Be brief.", "Be long.", undefined],
    tool_choice: ["none", undefined],
    text: [{ verbosity: "low" }, { format: { type: "json_object" } }, undefined],
    top_p: [0.5, 0.6, undefined],
    reasoning: [{ effort: "low" }, { effort: "high" }, undefined],
    truncation: ["auto", undefined],
    unknown_field: [1, "1", true, [1], { a: 1 }, undefined],
  },
  messages: {
    max_tokens: [1, 2, undefined],
    system: ["Be brief.", "Be long.", undefined],
    tool_choice: [{ type: "none" }, undefined],
    stop_sequences: [["a"], ["a", "b"], undefined],
    top_k: [5, 6, undefined],
    top_p: [0.5, 0.6, undefined],
    thinking: [{ type: "disabled" }, undefined],
    output_config: [{ effort: "low" }, undefined],
    service_tier: ["standard_only", undefined],
    unknown_field: [1, "1", true, [1], { a: 1 }, undefined],
  },
}

function settings(fields: Readonly<Record<string, readonly unknown[]>>): fc.Arbitrary<Body> {
  return fc.record(
    Object.fromEntries(Object.entries(fields).map(([name, values]) => [name, fc.constantFrom(...values)])),
  )
}

/** JSON text, numbers beyond doubles included. */
function textOf(body: Body): string {
  return JSON.stringify(body, (_, value: unknown) => (typeof value === "bigint" ? `#${value}#` : value)).replaceAll(
    /"#(\d+)#"/g,
    "$1",
  )
}

/** The same value with the members of every object in another order. */
function turned(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(turned)
  if (typeof value !== "object" || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .toReversed()
      .map(([key, inner]) => [key, turned(inner)]),
  )
}

describe.each(DIALECTS)("%s", (dialect) => {
  const [counted, uncounted] = [settings(COUNTED[dialect]), settings(UNCOUNTED[dialect])]

  test("two requests have one key where they differ in nothing that counts, and else have two", () => {
    expectProperty(
      fc.property(counted, counted, uncounted, uncounted, (one, other, aside, beside) => {
        const [left, right] = [
          textOf(bodyOf(dialect, { ...one, ...aside })),
          textOf(bodyOf(dialect, { ...beside, ...other })),
        ]
        const isSame = textOf(sorted(one)) === textOf(sorted(other))
        const [mine, theirs] = [keyOf(dialect, left), keyOf(dialect, right)]
        expect(mine).not.toBeNull()
        expect(mine === theirs).toBe(isSame)
      }),
      400,
    )
  })

  test("a change of any one setting is another key", () => {
    for (const [name, values] of Object.entries(COUNTED[dialect])) {
      const keys = values.map((value) => keyOf(dialect, textOf(bodyOf(dialect, { [name]: value }))))
      expect(keys).not.toContain(null)
      expect([name, new Set(keys).size]).toEqual([name, values.length])
    }
  })

  test("any other text, role or order of messages is another key", () => {
    const say = (...texts: readonly string[]): Body => {
      const messages = texts.map((content, at) => ({ role: at % 2 === 0 ? "user" : "assistant", content }))
      return { ...bodyOf(dialect), [dialect === "responses" ? "input" : "messages"]: messages }
    }
    expectProperty(
      fc.property(
        fc.array(fc.string({ minLength: 1 }), { minLength: 1, maxLength: 4 }),
        fc.array(fc.string({ minLength: 1 }), { minLength: 1, maxLength: 4 }),
        (one, other) => {
          const isSame = JSON.stringify(one) === JSON.stringify(other)
          expect(keyOf(dialect, say(...one)) === keyOf(dialect, say(...other))).toBe(isSame)
        },
      ),
      300,
    )
    // what UTF-8 cannot hold is not all the same
    const half = (escape: string): string => JSON.stringify(say("X")).replace('"X"', `"\\u${escape}"`)
    expect(keyOf(dialect, half("d800"))).not.toBe(keyOf(dialect, half("d801")))
  })

  test("white space, escapes and the order of members say nothing", () => {
    expectProperty(
      fc.property(counted, (one) => {
        const body = bodyOf(dialect, { ...one, unknown_field: { a: [{ b: 1, c: 2 }], d: null } })
        const text = textOf(body)
        const key = keyOf(dialect, text)
        expect(key).not.toBeNull()
        expect(keyOf(dialect, textOf(turned(body) as Body))).toBe(key)
        expect(keyOf(dialect, text.replaceAll(":", " : ").replaceAll('"hello"', '"\\u0068ello"'))).toBe(key)
      }),
    )
  })

  test("a name that an object says twice has no key, at any depth", () => {
    const text = textOf(bodyOf(dialect, { unknown_field: { a: 1 } }))
    expect(keyOf(dialect, text)).not.toBeNull()
    expect(keyOf(dialect, text.replace('{"a":1}', '{"a":1,"a":1}'))).toBeNull()
    expect(keyOf(dialect, text.replace("{", '{"top_p":1,"top_p":1,'))).toBeNull()
    expect(
      keyOf(
        dialect,
        text
          .replace('"role"', '"role":"user","role"')
          .replace('"input":"hello"', '"input":[{"role":"user","role":"user","content":"x"}]'),
      ),
    ).toBeNull()
  })

  test("what no reader takes has no key", () => {
    for (const extra of [
      { temperature: "0" },
      { top_p: "1" },
      { [dialect === "responses" ? "instructions" : "messages"]: 5 },
    ])
      expect(keyOf(dialect, bodyOf(dialect, extra))).toBeNull()
  })
})

test("the properties of a schema count in their order: models answer in it", () => {
  const format = (properties: Body): Body => ({
    response_format: { type: "json_schema", json_schema: { name: "x", schema: { type: "object", properties } } },
  })
  const one = keyOf("chat", bodyOf("chat", format({ a: {}, b: {} })))
  expect(one).not.toBeNull()
  expect(keyOf("chat", bodyOf("chat", format({ b: {}, a: {} })))).not.toBe(one)
})

test("the same question has one key in all dialects, with instructions and a cap", () => {
  const messages = [{ role: "user", content: "hello" }]
  const shared = { model: "m", temperature: 0 }
  const keys = [
    keyOf("chat", { ...shared, max_tokens: 9, messages: [{ role: "system", content: "Be brief." }, ...messages] }),
    keyOf("responses", { ...shared, max_output_tokens: 9, instructions: "Be brief.", input: "hello" }),
    keyOf("messages", { ...shared, max_tokens: 9, system: "Be brief.", messages }),
  ]
  expect(keys[0]).not.toBeNull()
  expect(new Set(keys).size).toBe(1)
})

function sorted(body: Body): Body {
  return Object.fromEntries(Object.entries(body).toSorted(([one], [other]) => (one < other ? -1 : 1)))
}
