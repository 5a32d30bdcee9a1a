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
  type Numbering,
} from "./helpers/agent-script.ts"
import { AGENT_CALLS, CODEX_CATALOGUE_QUERY } from "./helpers/agent-calls.ts"
import { startRelay, type Relay } from "./helpers/asking-relay.ts"
import type { Config } from "./helpers/config.ts"
import { reply } from "./helpers/behaviours.ts"
import { bodyText, FakeUpstream } from "./helpers/fake-upstream.ts"
import { startGateway, type Gateway } from "./helpers/gateway.ts"
import { AGENT_PACKAGES, AGENTS_MISSING, Bench, installedVersion, REAL_AGENTS } from "./helpers/real-agents.ts"
import { snippetOf, triedVersions } from "./helpers/snippets.ts"
import { faultOf, strictServer } from "./helpers/strict-chat.ts"
import {
  addStrictServers,
  STRICT_MESSAGES,
  STRICT_SERVERS,
  strictGroup,
  strictTarget,
  type StrictServer,
} from "./helpers/strict-servers.ts"
import { allowAll } from "./helpers/translating.ts"

/** Of Chat servers, one after the other; the clients of these speak other dialects. */
const NUMBERINGS = [restarting, repeating]
/** Of a server whose ids are words, and begin anew. */
const legal: Numbering = (_name, index) => `toolu_${index}`
/** Clients that speak Chat send it their bytes, so its ids are unique. */
const PLAIN = "a plain server"
/** Three servers, of which each answers once and then leaves the conversation to the next. */
const MOVING = "servers that take turns"
const TAKING_TURNS: readonly (readonly [name: string, numbering: Numbering])[] = [
  ["Mistral's template", restarting],
  ["the rules of Messages", legal],
  ["a field for reasoning beside calls", restarting],
]

let gateway: Gateway
let relay: Relay
const upstreams: Record<string, FakeUpstream> = {}
const servers: Record<string, StrictServer> = {}
/** What the servers refused, in their words. */
const refused: string[] = []

async function start(name: string, server: StrictServer, numbering?: Numbering, isDue = always): Promise<void> {
  const serves = strictServer({ ...server, answers: scripted(numbering) })
  servers[name] = server
  upstreams[name] = (await FakeUpstream.start()).otherwise(async (exchange) => {
    if (!isDue()) return reply("{}", { status: 503 })(exchange)
    const fault = faultOf(server, JSON.parse(bodyText(exchange.request)) as Readonly<Record<string, unknown>>)
    if (fault !== null) refused.push(`${name}: ${fault}`)
    return serves(exchange)
  })
}

const always = (): boolean => true

beforeAll(async () => {
  for (const [index, [name, server]] of Object.entries(STRICT_SERVERS).entries())
    await start(name, server, NUMBERINGS[index % NUMBERINGS.length])
  for (const [name, server] of Object.entries(STRICT_MESSAGES)) await start(name, server)
  await start(PLAIN, { model: "m", refusals: [] })
  let served = 0
  for (const [index, [name, numbering]] of TAKING_TURNS.entries())
    await start(`${MOVING}, ${name}`, servers[name]!, numbering, () => {
      if (served % TAKING_TURNS.length !== index) return false
      served += 1
      return true
    })
  gateway = await startGateway({ upstreams: { upstream: upstreams[PLAIN]! }, configure })
  relay = startRelay(gateway)
})

function configure(config: Config): void {
  Object.assign(config.server, (parse(snippetOf("docs/clients.md", "Claude Code", "yaml", 1)) as Config).server)
  addStrictServers(config, (name) => upstreams[name]!.url)
  const groups = { [PLAIN]: [PLAIN], [MOVING]: TAKING_TURNS.map(([name]) => `${MOVING}, ${name}`) }
  for (const [group, names] of Object.entries(groups)) {
    const targets = names.map((name) => strictTarget(config, strictGroup(name), servers[name]!, upstreams[name]!.url))
    config.models[strictGroup(group)] = { strategy: "static", targets }
  }
  allowAll(config)
}

afterAll(async () => {
  await relay.stop()
  await gateway[Symbol.asyncDispose]()
  for (const upstream of Object.values(upstreams)) await upstream.stop()
})

async function finishes(agentName: string, name: string): Promise<void> {
  refused.length = 0
  using bench = new Bench(REAL_AGENTS[agentName]!, { url: relay.url, token: gateway.token, group: strictGroup(name) })
  const asked = relay.asked.length
  const first = await bench.turn(`${TASK}. Work in the folder ${bench.work} alone.`)
  expect([refused, first.output]).toEqual([[], said(FIRST_TURN_SAYS)])
  const second = await bench.turn(`${ONCE_MORE}, in the folder ${bench.work}.`, true)
  expect([refused, second.output]).toEqual([[], said(SECOND_TURN_SAYS)])
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
    test.each([...Object.keys(STRICT_SERVERS), MOVING])(`${agent} finishes its task at %s`, async (name) =>
      finishes(agent, name),
    )
  for (const agent of ["Codex CLI", "pi in Responses", "Copilot in Chat"])
    test.each(Object.keys(STRICT_MESSAGES))(`${agent} finishes its task at %s`, async (name) => finishes(agent, name))
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
