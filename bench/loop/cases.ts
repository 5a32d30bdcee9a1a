/** The largest inputs that a router takes, from clients and from upstreams. */
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import type { Config } from "../../test/helpers/config.ts"
import { targetsOf } from "../../test/helpers/config.ts"
import { DIALECTS, SAMPLES, type Dialect } from "../../test/helpers/samples.ts"
import { ALL_PAIRS, groupOf } from "../../test/helpers/translating.ts"
import { denseText, events, json, prose, text, type LoopCase } from "./inputs.ts"
import { STREAM_CASES } from "./stream-cases.ts"

const SCRIPT = "export const route = (ctx) => ({ targetIndex: ctx.context.textChars > 5 ? 0 : 1 })"
const LARGE = 30_000_000
/** Just below what is looked at. */
const LARGEST_ERROR = 125_000
/** Just below the bound of values in a request. */
const VALUES = 240_000
/** As many messages as values allow. */
function dense(client: Dialect, model: string): string {
  const messages = Array.from({ length: VALUES / 3 - 10 }, (_, at) => ({
    role: at % 2 === 0 ? "user" : "assistant",
    content: "x".repeat(300),
  }))
  const body = client === "responses" ? { input: messages } : { messages, max_tokens: 9 }
  return JSON.stringify({ model, ...body })
}

/** A unary answer of the target with something large in a field that its dialect lacks. */
function stuffed(target: Dialect, value: string): string {
  return SAMPLES[target].unary().replace(/\}$/u, `,"novelty":${value}}`)
}

const requests: LoopCase[] = ALL_PAIRS.flatMap(([client, target]) =>
  [false, true].flatMap((stream) => [
    {
      name: `request, 30 MB of text: ${client} to ${target}${stream ? ", streamed" : ""}`,
      client,
      body: () => text(client, groupOf("far", target), LARGE, stream ? { stream } : {}),
      answer: () => (stream ? events(SAMPLES[target].frames().join("")) : json(SAMPLES[target].unary())),
    },
    ...(stream
      ? []
      : [
          {
            name: `request, 80,000 messages: ${client} to ${target}`,
            client,
            body: () => dense(client, groupOf("far", target)),
            answer: () => json(SAMPLES[target].unary()),
          },
        ]),
  ]),
)

const compressed: LoopCase = {
  name: "answer, 30 MB that were compressed",
  client: "chat",
  body: () => text("chat", groupOf("far", "chat"), 10),
  answer: () =>
    new Response(Bun.gzipSync(Buffer.from(SAMPLES.chat.unary("x".repeat(LARGE)))), {
      headers: { "content-type": "application/json", "content-encoding": "gzip" },
    }),
}

const answers: LoopCase[] = ALL_PAIRS.flatMap(([client, target]) => [
  {
    name: `answer, 30 MB of text: ${target} for ${client}`,
    client,
    body: () => text(client, groupOf("far", target), 10),
    answer: () => json(SAMPLES[target].unary(prose(LARGE))),
  },
  {
    name: `answer, 30 MB of values: ${target} for ${client}`,
    client,
    body: () => text(client, groupOf("far", target), 10),
    answer: () => json(stuffed(target, denseText(LARGE))),
  },
])

const errors: LoopCase[] = ALL_PAIRS.flatMap(([client, target]) => [
  {
    name: `error, 30 MB: ${target} for ${client}`,
    client,
    body: () => text(client, groupOf("far", target), 10),
    answer: () => json(SAMPLES[target].errorBody(prose(LARGE)), 400),
  },
  {
    name: `error, 125 KB of values: ${target} for ${client}`,
    client,
    body: () => text(client, groupOf("far", target), 10),
    answer: () => json(SAMPLES[target].errorBody("no").replace(/\}$/u, `,"novelty":${denseText(LARGEST_ERROR)}}`), 400),
  },
  {
    name: `error, 125 KB of secrets: ${target} for ${client}`,
    client,
    body: () => text(client, groupOf("far", target), 10),
    answer: () => json(SAMPLES[target].errorBody("sk-12345678 %41%42 ".repeat(LARGEST_ERROR / 20)), 400),
  },
])

const edits: LoopCase[] = DIALECTS.map((dialect) => ({
  name: `request.set and request.drop on 30 MB: ${dialect}`,
  client: dialect,
  body: () => text(dialect, `edited-${dialect}`, LARGE, { user: "x", metadata: { a: "b" } }),
  answer: () => json(SAMPLES[dialect].unary()),
  configure: (config: Config) => {
    const targets = targetsOf(["far"], { request: { set: { top_k: 3 }, drop: ["user", "metadata.a"] } })
    config.models[`edited-${dialect}`] = {
      strategy: "static",
      targets: targets.filter(({ provider }) => provider === `far-${dialect}`),
    }
  },
}))

const others: LoopCase[] = [
  ...["static", "dynamic_score", "script"].flatMap((strategy) =>
    DIALECTS.flatMap((client) => [
      {
        name: `two targets by ${strategy}, 30 MB of text: ${client}`,
        client,
        body: () => text(client, `two-${strategy}`, LARGE),
        answer: () => json(SAMPLES[client].unary()),
        configure: (config: Config, folder: string) => {
          if (strategy === "script") writeFileSync(join(folder, "route.ts"), SCRIPT)
          config.models[`two-${strategy}`] = {
            strategy,
            ...(strategy === "script" ? { script: "route.ts" } : {}),
            targets: targetsOf(["far"]),
          }
        },
      },
      {
        name: `two targets by ${strategy}, 80,000 messages: ${client}`,
        client,
        body: () => dense(client, `two-${strategy}`),
        answer: () => json(SAMPLES[client].unary()),
      },
    ]),
  ),
  {
    name: "a policy service is sent 30 MB, and the key of their conversation",
    client: "chat",
    body: () => text("chat", "asked", LARGE),
    answer: () => json(SAMPLES.chat.unary()),
    configure: (config: Config) => {
      config.models["asked"] = {
        strategy: "external",
        external_policy: {
          url: "http://127.0.0.1:9/decide",
          allow_hosts: ["127.0.0.1"],
          include_request: true,
          conversation_key: { salt: "pepper" },
        },
        targets: targetsOf(["far"]),
      }
    },
  },
  ...(["context.textChars", "text.length", "request.model.length"] as const).flatMap((read, at) =>
    [1_000_000, 3_000_000, LARGE].map((size) => ({
      name: `a script reads ${read} of ${size / 1_000_000} MB`,
      client: "chat" as const,
      body: () => text("chat", `reading-${at}`, size),
      answer: () => json(SAMPLES.chat.unary()),
      configure: (config: Config, folder: string) => {
        writeFileSync(
          join(folder, `read-${at}.ts`),
          `export const route = (ctx) => ({ targetIndex: ctx.${read} > 5 ? 0 : 1 })`,
        )
        config.models[`reading-${at}`] = {
          strategy: "script",
          script: `read-${at}.ts`,
          script_limits: { on_error: "fallback", deadline_ms: 500 },
          targets: targetsOf(["far"]),
        }
      },
    })),
  ),
  {
    name: "tokens of 30 MB are counted",
    client: "messages",
    path: "/v1/messages/count_tokens",
    body: () => text("messages", groupOf("far", "chat"), LARGE),
    answer: () => json("{}"),
  },
  {
    name: "hosted tools are taken out of 30 MB",
    client: "responses",
    body: () => text("responses", "stripped", LARGE, { tools: [{ type: "web_search" }] }),
    answer: () => json(SAMPLES.responses.unary()),
    configure: (config: Config) => {
      config.models["stripped"] = {
        strategy: "static",
        hosted_tools: "strip",
        targets: targetsOf(["far"]).filter(({ provider }) => provider === "far-responses"),
      }
    },
  },
  {
    name: "ids of items in 30 MB of a Responses request",
    client: "responses",
    body: () =>
      JSON.stringify({
        model: groupOf("far", "responses"),
        input: Array.from({ length: 900 }, (_, at) => ({ id: `msg_${at}`, role: "user", content: prose(LARGE / 900) })),
      }),
    answer: () => json(SAMPLES.responses.unary()),
  },
  {
    name: "30 MB that begin like envelopes",
    client: "responses",
    body: () => {
      const input = [
        { type: "reasoning", id: "rs_1", summary: [], encrypted_content: "x" },
        { role: "user", content: '"rtr1'.repeat(LARGE / 6) },
      ]
      return JSON.stringify({ model: groupOf("far", "responses"), input })
    },
    answer: () => json(SAMPLES.responses.unary()),
  },
]

export const LOOP_CASES: readonly LoopCase[] = [
  ...requests,
  ...edits,
  ...others,
  ...errors,
  ...answers,
  compressed,
  ...STREAM_CASES,
]
