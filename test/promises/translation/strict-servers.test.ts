/** Agents get through two requests of a turn at servers that refuse what real ones refuse. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { CLAUDE_CODE, CODEX, whole } from "../../helpers/agent-turns.ts"
import { bodyText, FakeUpstream } from "../../helpers/fake-upstream.ts"
import { startGateway, type Gateway } from "../../helpers/gateway.ts"
import { strictServer } from "../../helpers/strict-chat.ts"
import {
  addStrictServers,
  STRICT_MESSAGES,
  STRICT_SERVERS,
  strictGroup,
  type StrictServer,
} from "../../helpers/strict-servers.ts"
import { allowAll } from "../../helpers/translating.ts"
import { sampled } from "../../helpers/sample.ts"

type Json = Readonly<Record<string, unknown>>

const ALL: Readonly<Record<string, StrictServer>> = { ...STRICT_SERVERS, ...STRICT_MESSAGES }
const AGENTS = { "Claude Code": CLAUDE_CODE, Codex: CODEX }

let gateway: Gateway
const upstreams: Record<string, FakeUpstream> = {}

beforeAll(async () => {
  for (const [name, server] of Object.entries(ALL))
    upstreams[name] = (await FakeUpstream.start()).otherwise(strictServer(server))
  const [first] = Object.values(upstreams)
  gateway = await startGateway({
    upstreams: { upstream: first! },
    configure: (config) => {
      addStrictServers(config, (name) => upstreams[name]!.url)
      allowAll(config)
    },
  })
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  for (const upstream of Object.values(upstreams)) await upstream.stop()
})

describe.each(sampled(Object.keys(ALL), 4))("a server with %s", (name) => {
  for (const [agentName, agent] of Object.entries(AGENTS)) {
    // what speaks one's own dialect gets one's bytes
    if (agent.dialect === ALL[name]!.dialect) continue
    for (const isStreamed of [false, true]) {
      test(`serves ${agentName}, ${isStreamed ? "streamed" : "unary"}`, async () => {
        const marker = `${agentName} asks ${name} ${isStreamed ? "streamed" : "whole"}`
        const { headers, dialect } = agent
        const first = agent.first(strictGroup(name), marker, isStreamed)
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
    const first = CLAUDE_CODE.first(strictGroup(name), marker, false)
    const called = await gateway.call("messages", JSON.stringify(first), { headers: CLAUDE_CODE.headers })
    const second = CLAUDE_CODE.second(first, await whole(CLAUDE_CODE, called, false))
    await gateway.call("messages", JSON.stringify(second), { headers: CLAUDE_CODE.headers })
    const sent = bodyText(upstreams[name]!.received(marker)[1]!.request)
    for (const words of ["You are an agent.", "Be brief.", "The date has changed.", "Keep going.", "blue"])
      expect([name, words, sent.includes(words)]).toEqual([name, words, true])
  }
})
