/** The shipped examples do what they say, and an editor finds nothing wrong with them. */
import { describe, expect, test } from "bun:test"
import { readdirSync, readFileSync } from "node:fs"
import path from "node:path"
import { SCRIPT_TYPES } from "../src/routing/script/script-types.ts"
import * as fc from "fast-check"
import { findPersonalData } from "../examples/scripts/personal-data.ts"
import { eventually } from "./helpers/client.ts"
import { targetsOf } from "./helpers/config.ts"
import { reply } from "./helpers/behaviours.ts"
import { sampled } from "./helpers/sample.ts"
import { ALL_SAMPLES, SAMPLES } from "./helpers/samples.ts"
import { startWith, type Scripted } from "./helpers/scripted.ts"
import { expectProperty } from "./helpers/property.ts"

const EXAMPLES = path.join(import.meta.dir, "../examples")
const SCRIPTS = path.join(EXAMPLES, "scripts")

/** Two targets, each with facts of its own. */
async function startExample(script: string, first: object, second: object): Promise<Scripted> {
  return startWith(
    () => ({ strategy: "script", script: path.join(SCRIPTS, script) }),
    (config) => {
      const targets = [...targetsOf(["first"], { ...first }), ...targetsOf(["second"], { ...second })]
      config.models["default"] = { ...config.models["default"], targets }
    },
  )
}

async function labelled(router: Scripted, requestId: string): Promise<string | null | undefined> {
  return router.gateway.records.trace(requestId).find(({ event }) => event === "policy_execution")?.reason
}

test("the types in the examples are those that the router prints, and the scripts fit them", async () => {
  expect(readFileSync(path.join(SCRIPTS, "smart-router.d.ts"), "utf8")).toBe(SCRIPT_TYPES)
  const files = readdirSync(SCRIPTS).filter((name) => name.endsWith(".ts"))
  const options =
    "--ignoreConfig --noEmit --strict --target esnext --lib esnext --module preserve --allowImportingTsExtensions"
  const compiler = path.join(import.meta.dir, "../node_modules/typescript/bin/tsc")
  const run = Bun.spawn([process.execPath, compiler, ...options.split(" "), "--types", "", ...files], { cwd: SCRIPTS })
  expect([await run.stdout.text(), await run.exited]).toEqual(["", 0])
}, 300_000)

test("prompt-size sends long prompts to the heavy target, in every dialect", async () => {
  await using router = await startExample("prompt-size.ts", { tier: "heavy" }, { tier: "cheap" })
  for (const sample of ALL_SAMPLES) {
    for (const [length, server, label] of [
      [10, "second", "size:cheap"],
      [8001, "first", "size:heavy"],
    ] as const) {
      const answer = await router.gateway.call(sample.dialect, sample.request({ text: "x".repeat(length) }))
      expect(answer.text).toBe(sample.unary(server))
      expect(await labelled(router, answer.requestId)).toBe(label)
    }
  }
})

test("pii-aware sends personal data to the private target, in every dialect", async () => {
  await using router = await startExample("pii-aware.ts", { tier: "public" }, { tier: "private" })
  for (const sample of ALL_SAMPLES) {
    const cases = [
      ["What is the capital of France?", "first", "no-pii"],
      ["Write to jane.doe@example.com", "second", "pii-detected:email"],
      ["My card is 4111 1111 1111 1111", "second", "pii-detected:card"],
      ["Order 4111 1111 1111 1112 is late", "first", "no-pii"],
    ] as const
    for (const [text, server, label] of cases) {
      const answer = await router.gateway.call(sample.dialect, sample.request({ text }))
      expect([text, answer.text]).toEqual([text, sample.unary(server)])
      expect(await labelled(router, answer.requestId)).toBe(label)
    }
  }
  // not even when the private target is down
  router.second.otherwise(reply("", { status: 500 }))
  for (const sample of ALL_SAMPLES) {
    const text = `Call +49 30 1234567 for ${sample.dialect} please`
    expect((await router.gateway.call(sample.dialect, sample.request({ text }))).status).toBe(502)
    expect(router.servedBy(text)).toEqual(["second"])
  }
})

test("request-shape sends calls with tools to the coding target, in every dialect", async () => {
  await using router = await startExample(
    "request-shape.ts",
    { tags: ["chat"] },
    { tags: ["coding"], tool_support: SUPPORT },
  )
  for (const sample of ALL_SAMPLES) {
    const plain = await router.gateway.call(sample.dialect, sample.request())
    expect([plain.text, await labelled(router, plain.requestId)]).toEqual([sample.unary("first"), "shape:chat"])
    const tools = { tools: TOOLS[sample.dialect] }
    const agent = await router.gateway.call(sample.dialect, sample.request({ extra: tools }))
    expect([agent.text, await labelled(router, agent.requestId)]).toEqual([sample.unary("second"), "shape:agent"])
  }
})

test("pii-aware refuses the call where no target is private", async () => {
  await using router = await startExample("pii-aware.ts", { tier: "public" }, { tier: "public" })
  const answer = await router.gateway.call("chat", SAMPLES.chat.request({ text: "I am jane.doe@example.com" }))
  expect(answer.status).toBe(502)
  expect(router.servedBy("jane.doe")).toEqual([])
})

const SUPPORT = {
  openai_chat: ["tools", "tool_choice"],
  openai_responses: ["function"],
  anthropic_messages: ["client_tools"],
}
const PARAMETERS = { type: "object", properties: {} }
const TOOLS = {
  chat: [{ type: "function", function: { name: "look", parameters: PARAMETERS } }],
  responses: [{ type: "function", name: "look", parameters: PARAMETERS }],
  messages: [{ name: "look", input_schema: PARAMETERS }],
}

describe("the policy service", () => {
  for (const sample of sampled(ALL_SAMPLES, 1)) {
    test(`decides by price, and learns from feedback, for ${sample.dialect} calls`, async () => {
      await using service = await startService()
      await using router = await startWith(
        () => ({
          strategy: "external",
          external_policy: {
            url: `${service.url}/decide`,
            allow_hosts: ["127.0.0.1"],
            timeout_ms: 10_000,
            headers: { authorization: "Bearer policy-token" },
            feedback: { enabled: true },
          },
        }),
        (config) => {
          const cheap = targetsOf(["second"], { output_price_per_million_usd: 1 })
          config.models["default"] = { ...config.models["default"], targets: [...targetsOf(["first"]), ...cheap] }
        },
      )
      const call = () => router.gateway.call(sample.dialect, sample.request())
      const answer = await call()
      expect([answer.text, await labelled(router, answer.requestId)]).toEqual([sample.unary("second"), "small"])
      router.second.otherwise(reply("", { status: 500 }))
      // the failing target is tried, reported, and then left for later
      await eventually("the lesson", async () => {
        const { requestId, text } = await call()
        expect(text).toBe(sample.unary("first"))
        return router.gateway.records.attempts(requestId).length === 1 ? true : undefined
      })
    }, 200_000)
  }
})

async function startService(): Promise<AsyncDisposable & { readonly url: string }> {
  const child = Bun.spawn([process.execPath, path.join(EXAMPLES, "policy-service/service.mjs")], {
    env: { PORT: "0", POLICY_TOKEN: "policy-token" },
  })
  const decoder = new TextDecoder()
  let printed = ""
  for await (const piece of child.stdout) {
    printed += decoder.decode(piece)
    if (printed.includes("\n")) break
  }
  const url = /http:\S+/u.exec(printed)?.[0] ?? ""
  return {
    url,
    [Symbol.asyncDispose]: async () => {
      child.kill()
      await child.exited
    },
  }
}

/** What the example looks for, tried at each place of the text: slow, and plainly right. */
function plainlyFound(text: string): string | null {
  const kinds: readonly (readonly [string, RegExp])[] = [
    ["email", /[\w.+-]+@[\w-]+(?:\.[\w-]+)+/],
    ["iban", /\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?\b/],
    ["phone", /\+\d{1,3}[ -]?\(?\d{2,5}\)?(?:[ -]?\d{2,5}){2,4}/],
    ["social-security", /\b\d{3}-\d{2}-\d{4}\b/],
  ]
  const cards = [...text.matchAll(/\b\d(?:[ -]?\d){12,18}\b/g)].map(([digits]) => digits.replaceAll(/\D/g, ""))
  return kinds.find(([, pattern]) => pattern.test(text))?.[0] ?? (cards.some(isCard) ? "card" : null)
}

function isCard(digits: string): boolean {
  let sum = 0
  for (let place = 0; place < digits.length; place++) {
    const digit = Number(digits[digits.length - 1 - place])
    sum += place % 2 === 0 ? digit : digit > 4 ? 2 * digit - 9 : 2 * digit
  }
  return sum % 10 === 0
}

test("pii-aware finds personal data wherever it stands", () => {
  const parts = [
    "a",
    "Zz",
    "ä",
    " ",
    "-",
    "+",
    "(",
    ")",
    ".",
    "@",
    "@x.de",
    "me@",
    "DE",
    "12",
    "7",
    "123-45-6789",
    "3456",
  ]
  const whole = [
    "me@here.org",
    "DE89 3704 0044 0532 0130 00",
    "GB29NWBK60161331926819",
    "+49 30 1234567",
    "4111 1111-11111111",
    "4222222222222",
  ]
  const texts = fc.array(fc.constantFrom(...parts, ...parts, ...whole), { maxLength: 12 }).map((list) => list.join(""))
  const found = new Set<string | null>()
  expectProperty(
    fc.property(texts, (text) => {
      const kind = plainlyFound(text)
      found.add(kind)
      expect([text, findPersonalData(text)]).toEqual([text, kind])
    }),
    3000,
  )
  expect([...found].map(String).toSorted()).toEqual(["card", "email", "iban", "null", "phone", "social-security"])
})
