/** Real coding agents finish a task at every kind of server, as docs/clients.md sets them up. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { existsSync, readFileSync } from "node:fs"
import path from "node:path"
import { parse } from "yaml"
import {
  FILES,
  FIRST_TURN_SAYS,
  ONCE_MORE,
  repeating,
  restarting,
  scripted,
  SECOND_TURN_SAYS,
  TASK,
} from "./helpers/agent-script.ts"
import { AGENT_CALLS, CODEX_CATALOGUE_QUERY } from "./helpers/agent-calls.ts"
import { startRelay, type Relay } from "./helpers/asking-relay.ts"
import type { Config } from "./helpers/config.ts"
import { bodyText, FakeUpstream } from "./helpers/fake-upstream.ts"
import { startGateway, type Gateway } from "./helpers/gateway.ts"
import { AGENT_PACKAGES, AGENTS_MISSING, Bench, installedVersion, REAL_AGENTS } from "./helpers/real-agents.ts"
import { snippetOf, triedVersions } from "./helpers/snippets.ts"
import { faultOf, strictServer } from "./helpers/strict-chat.ts"
import { addStrictServers, STRICT_MESSAGES, STRICT_SERVERS, strictGroup } from "./helpers/strict-servers.ts"
import { allowAll, EVERYTHING } from "./helpers/translating.ts"

/** One after the other, for servers whose clients speak other dialects. */
const NUMBERINGS = [restarting, repeating]
const SERVERS = Object.keys(STRICT_SERVERS)
/** Clients that speak Chat send it their bytes. */
const PLAIN = "plain"

let gateway: Gateway
let relay: Relay
const upstreams: Record<string, FakeUpstream> = {}

beforeAll(async () => {
  for (const [index, name] of SERVERS.entries()) {
    const answers = scripted(NUMBERINGS[index % NUMBERINGS.length])
    upstreams[name] = (await FakeUpstream.start()).otherwise(strictServer({ ...STRICT_SERVERS[name]!, answers }))
  }
  for (const [name, server] of Object.entries(STRICT_MESSAGES))
    upstreams[name] = (await FakeUpstream.start()).otherwise(strictServer({ ...server, answers: scripted() }))
  upstreams[PLAIN] = (await FakeUpstream.start()).otherwise(strictServer({ refusals: [], answers: scripted() }))
  gateway = await startGateway({
    upstreams: { upstream: upstreams[SERVERS[0]!]! },
    configure: (config) => {
      Object.assign(config.server, (parse(snippetOf("docs/clients.md", "Claude Code", "yaml", 1)) as Config).server)
      addStrictServers(config, (name) => upstreams[name]!.url)
      const models = { m: { model: "m", ...EVERYTHING } }
      const base_url = `${upstreams[PLAIN]!.url}/v1`
      config.providers[PLAIN] = { base_url, dialect: "openai-chat", auth_scheme: "none", models }
      config.models[PLAIN] = { strategy: "static", targets: [{ provider: PLAIN, model_ref: "m" }] }
      allowAll(config)
    },
  })
  relay = startRelay(gateway)
})

afterAll(async () => {
  await relay.stop()
  await gateway[Symbol.asyncDispose]()
  for (const upstream of Object.values(upstreams)) await upstream.stop()
})

/** What the server refused, in its words. */
function refusals(name: string, since: number): readonly string[] {
  return upstreams[name]!.exchanges.slice(since).flatMap(({ request }) => {
    const fault = faultOf(
      STRICT_SERVERS[name] ?? { refusals: [] },
      JSON.parse(bodyText(request)) as Readonly<Record<string, unknown>>,
    )
    return fault === null ? [] : [fault]
  })
}

async function finishes(agentName: string, name: string): Promise<void> {
  const since = upstreams[name]!.exchanges.length
  using bench = new Bench(REAL_AGENTS[agentName]!, { url: relay.url, token: gateway.token, group: strictGroup(name) })
  const asked = relay.asked.length
  const first = await bench.turn(`${TASK}. Work in the folder ${bench.work} alone.`)
  expect([refusals(name, since), first.output]).toEqual([[], said(FIRST_TURN_SAYS)])
  const second = await bench.turn(`${ONCE_MORE}, in the folder ${bench.work}.`, true)
  expect([refusals(name, since), second.output]).toEqual([[], said(SECOND_TURN_SAYS)])
  expect([first.code, second.code]).toEqual([0, 0])
  const { target, header } = AGENT_CALLS[agentName]!
  const calls = relay.asked.slice(asked).filter(({ method }) => method === "POST")
  for (const call of calls) expect(call).toEqual({ method: "POST", target, header })
  const files = Object.fromEntries(Object.keys(FILES).map((file) => [file, contentOf(path.join(bench.work, file))]))
  expect(files).toEqual(FILES)
}

/** All the words, in one line of the last answer. */
function said(words: readonly string[]): string {
  const lookaheads = words.map((word) => `(?=.*${word})`).join("")
  return expect.stringMatching(new RegExp(`Seen: ${lookaheads}`, "u")) as string
}

function contentOf(file: string): string | null {
  return existsSync(file) ? readFileSync(file, "utf8").trimEnd() : null
}

describe.skipIf(AGENTS_MISSING)("real agents (skipped where SMART_ROUTER_AGENTS names no folder of theirs)", () => {
  for (const agent of ["Codex CLI", "Claude Code"])
    test.each(SERVERS)(`${agent} finishes its task at a server with %s`, async (name) => finishes(agent, name))
  for (const agent of ["Codex CLI", "pi in Responses", "Copilot in Chat"])
    test.each(Object.keys(STRICT_MESSAGES))(`${agent} finishes its task at a server with %s`, async (name) =>
      finishes(agent, name),
    )
  test.each(Object.keys(REAL_AGENTS).slice(2))("%s finishes its task at a plain server", async (agent) =>
    finishes(agent, PLAIN),
  )

  test("Codex finds its catalogue, and with it apply_patch and sub-agents under a group's own name", async () => {
    const since = upstreams[PLAIN]!.exchanges.length
    await finishes("Codex CLI", PLAIN)
    expect(relay.asked.map(({ target }) => target)).toContain(`/v1/models${CODEX_CATALOGUE_QUERY}`)
    const { tools } = JSON.parse(bodyText(upstreams[PLAIN]!.exchanges[since]!.request)) as {
      readonly tools: readonly { readonly function: { readonly name: string } }[]
    }
    const names = tools.map((tool) => tool.function.name)
    expect(names).toEqual(
      expect.arrayContaining(["apply_patch", "multi_agent_v1__spawn_agent", "view_image"]) as string[],
    )
  })

  test("the page names the versions", () => {
    const tried = triedVersions("docs/clients.md")
    for (const [name, installed] of Object.entries(AGENT_PACKAGES))
      expect([name, tried[name]]).toEqual([name, installedVersion(installed) ?? undefined])
  })
})
