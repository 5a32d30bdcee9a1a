/** Agents get through two requests of a turn at Chat servers that refuse what real ones refuse. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { CLAUDE_CODE, CODEX, whole } from "../../helpers/agent-turns.ts"
import type { Config } from "../../helpers/config.ts"
import { bodyText, FakeUpstream } from "../../helpers/fake-upstream.ts"
import { startGateway, type Gateway } from "../../helpers/gateway.ts"
import {
  assistantBehindResults,
  nineCharacterIds,
  noNeighbours,
  onlyEfforts,
  onlyFields,
  strictChat,
  systemFirst,
  thinkingComesBack,
  type Refusal,
} from "../../helpers/strict-chat.ts"
import { at } from "../../helpers/streams.ts"
import { allowAll, EVERYTHING } from "../../helpers/translating.ts"

type Json = Readonly<Record<string, unknown>>

interface Server {
  readonly model: string
  readonly refusals: readonly Refusal[]
  /** Where its reasoning stands. */
  readonly field?: string
  /** Further keys of the catalogue's entry. */
  readonly entry?: Json
}

const PLAIN = [
  "model",
  "messages",
  "tools",
  "tool_choice",
  "stream",
  "stream_options",
  "max_tokens",
  "parallel_tool_calls",
]

const SERVERS: Readonly<Record<string, Server>> = {
  "one system message": { model: "Qwen/Qwen3.5-32B", refusals: [systemFirst] },
  "alternating roles": { model: "google/gemma-3-27b-it", refusals: [systemFirst, noNeighbours] },
  "Mistral's template": {
    model: "mistralai/Devstral-Small",
    refusals: [systemFirst, noNeighbours, assistantBehindResults, nineCharacterIds],
  },
  "reasoning_content comes back": { model: "deepseek-chat", refusals: [thinkingComesBack("reasoning_content", true)] },
  "reasoning comes back": { model: "newer", field: "reasoning", refusals: [thinkingComesBack("reasoning", true)] },
  "known fields only": { model: "openai/gpt-oss-120b", refusals: [onlyFields(...PLAIN, "reasoning_effort")] },
  "known efforts only": { model: "openai/gpt-oss-20b", refusals: [onlyEfforts("low", "medium", "high")] },
  "configured efforts only": {
    model: "other",
    refusals: [onlyEfforts("none", "default")],
    entry: { reasoning: { supported: true, efforts: ["none", "default"] } },
  },
  "a model that does not reason": {
    model: "llama",
    refusals: [onlyFields(...PLAIN)],
    entry: { reasoning: { supported: false } },
  },
  "a model of which nothing is said": {
    model: "llama-2",
    refusals: [onlyFields(...PLAIN)],
    entry: { reasoning: undefined },
  },
  "no question for usage": {
    model: "databricks",
    refusals: [onlyFields(...PLAIN.filter((field) => field !== "stream_options"), "reasoning_effort")],
    entry: { accepts: { stream_usage: false } },
  },
  "fields that no key knows": {
    model: "strange",
    refusals: [
      onlyFields(...PLAIN.filter((field) => field !== "parallel_tool_calls"), "chat_template_kwargs"),
      ({ chat_template_kwargs: kwargs }) =>
        at(kwargs, "enable_thinking") === true ? null : "enable_thinking is missing",
    ],
    entry: {
      request: {
        set: { chat_template_kwargs: { enable_thinking: true } },
        drop: ["parallel_tool_calls", "reasoning_effort"],
      },
    },
  },
}

let gateway: Gateway
const upstreams: Record<string, FakeUpstream> = {}

function configure(config: Config): void {
  for (const [index, [name, { model, entry }]] of Object.entries(SERVERS).entries()) {
    const { url } = upstreams[name]!
    const models = { m: { model, ...EVERYTHING, ...entry } }
    config.providers[`p${index}`] = { base_url: `${url}/v1`, dialect: "openai-chat", auth_scheme: "none", models }
    config.models[name.replaceAll(/\W/gu, "-")] = {
      strategy: "static",
      targets: [{ provider: `p${index}`, model_ref: "m" }],
    }
  }
  allowAll(config)
}

beforeAll(async () => {
  for (const [name, { refusals, field }] of Object.entries(SERVERS))
    upstreams[name] = (await FakeUpstream.start()).otherwise(strictChat(refusals, field))
  const [first] = Object.values(upstreams)
  gateway = await startGateway({ upstreams: { upstream: first! }, configure })
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  for (const upstream of Object.values(upstreams)) await upstream.stop()
})

describe.each(Object.keys(SERVERS))("a server with %s", (name) => {
  for (const [agentName, agent] of Object.entries({ "Claude Code": CLAUDE_CODE, Codex: CODEX })) {
    for (const isStreamed of [false, true]) {
      test(`serves ${agentName}, ${isStreamed ? "streamed" : "unary"}`, async () => {
        const marker = `${agentName} asks ${name} ${isStreamed ? "streamed" : "whole"}`
        const { headers, dialect } = agent
        const first = agent.first(name.replaceAll(/\W/gu, "-"), marker, isStreamed)
        const called = await gateway.call(dialect, JSON.stringify(first), { headers })
        expect([called.status, called.status === 200 ? "" : called.text]).toEqual([200, ""])
        const second = agent.second(first, await whole(agent, called, isStreamed))
        const told = await gateway.call(dialect, JSON.stringify(second), { headers })
        expect([told.status, told.status === 200 ? "" : told.text]).toEqual([200, ""])
        expect(JSON.stringify(await whole(agent, told, isStreamed))).toContain("It is sunny.")
        const sent = upstreams[name]!.received(marker).map(({ request }) => JSON.parse(bodyText(request)) as Json)
        expect(sent).toHaveLength(2)
        expect(JSON.stringify(sent[1])).toContain("blue")
      })
    }
  }
})

test("nothing of a conversation is lost on the way to one system message and to alternating roles", async () => {
  for (const name of ["one system message", "Mistral's template"]) {
    const marker = `kept words at ${name}`
    const first = CLAUDE_CODE.first(name.replaceAll(/\W/gu, "-"), marker, false)
    const called = await gateway.call("messages", JSON.stringify(first), { headers: CLAUDE_CODE.headers })
    const second = CLAUDE_CODE.second(first, await whole(CLAUDE_CODE, called, false))
    await gateway.call("messages", JSON.stringify(second), { headers: CLAUDE_CODE.headers })
    const sent = bodyText(upstreams[name]!.received(marker)[1]!.request)
    for (const words of ["You are an agent.", "Be brief.", "The date has changed.", "Keep going.", "blue"])
      expect([name, words, sent.includes(words)]).toEqual([name, words, true])
  }
})
