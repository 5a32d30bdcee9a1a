/**
 * Through the public door: members, types, headers, queries and names of the configuration that are called as every
 * object's inherited members are. `test/inherited-names.test.ts` tries every place of requests and answers.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { reply, stream } from "../../helpers/behaviours.ts"
import { get } from "../../helpers/client.ts"
import { prepare } from "../../helpers/config.ts"
import { conversation } from "../../helpers/conversation.ts"
import { FakeUpstream, bodyText, headerOf } from "../../helpers/fake-upstream.ts"
import { startGateway, type Gateway } from "../../helpers/gateway.ts"
import { drawn, sampled } from "../../helpers/sample.ts"
import { SAMPLES, type Dialect } from "../../helpers/samples.ts"
import { ALL_PAIRS, groupOf, translating } from "../../helpers/translating.ts"
import { loadConfig } from "../../../src/config/load.ts"

const NAMES = Object.getOwnPropertyNames(Object.prototype)
/** Those that are header names; they come in lower case. */
const HEADERS = NAMES.map((name) => name.toLowerCase()).filter((name) => name !== "__proto__")

let upstream: FakeUpstream
let gateway: Gateway

beforeAll(async () => {
  upstream = await FakeUpstream.start()
  gateway = await startGateway({
    upstreams: { upstream },
    configure: (config) => {
      translating(config, ["upstream"])
      for (const provider of Object.values(config.providers)) provider["forward_headers"] = HEADERS
    },
  })
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream.stop()
})

/** Every object gets a member of each name, behind its own. */
function crowded(value: unknown): string {
  const walked = (part: unknown): unknown => {
    if (Array.isArray(part)) return part.map(walked)
    if (typeof part !== "object" || part === null) return part
    const own = Object.entries(part).map(([key, member]) => [key, walked(member)] as const)
    return Object.fromEntries([...own, ...NAMES.map((name) => [name, { polluted: true }] as const)])
  }
  return JSON.stringify(walked(value))
}

function crowdedFrames(dialect: Dialect): readonly string[] {
  return SAMPLES[dialect]
    .frames()
    .map((frame) => frame.replace(/^data: (\{.*\})$/m, (_line, data: string) => `data: ${crowded(JSON.parse(data))}`))
}

describe.each(drawn(ALL_PAIRS, 3))("a call of %s to %s", (client, target) => {
  test.each([false, true])(
    "whose objects and answers have members of all these names, streamed: %p",
    async (streamed) => {
      const marker = `crowded <${client} ${target} ${streamed}>`
      const model = groupOf("upstream", target)
      const body = crowded({ model, ...conversation(client, marker), ...(streamed ? { stream: true } : {}) })
      upstream.plan(
        marker,
        streamed ? stream(crowdedFrames(target)) : reply(crowded(JSON.parse(SAMPLES[target].unary()))),
      )
      const answer = await gateway.call(client, body, {
        path: `${SAMPLES[client].path}?${NAMES.map((name) => `${name}=1`).join("&")}`,
        headers: Object.fromEntries(HEADERS.map((name) => [name, "yes"])),
      })
      expect([answer.status, answer.text.slice(0, 300)]).toEqual([200, expect.any(String)])
      expect(answer.text).toContain("Hi")
      const { request } = upstream.received(marker)[0]!
      for (const name of HEADERS) expect([name, headerOf(request, name)]).toEqual([name, "yes"])
      if (client === target) expect(bodyText(request)).toContain('"__proto__":{"polluted":true}')
      expect(Reflect.get({}, "polluted")).toBeUndefined()
    },
  )
})

describe.each(sampled(NAMES, 5))("%s", (name) => {
  test("as a model, an id or a path is not known", async () => {
    for (const dialect of ["chat", "responses", "messages"] as const)
      expect((await gateway.call(dialect, SAMPLES[dialect].request({ model: name }))).status).toBe(403)
    for (const path of [`/v1/models/${name}`, `/v1/responses/${name}`, `/v1/responses/r/${name}`, `/${name}`])
      expect([path, (await get(gateway, path)).status]).toEqual([path, 404])
    expect((await get(gateway, `/v1/usage?group_by=${name}`)).status).toBe(400)
    expect((await get(gateway, `/v1/usage?since=${name}`)).status).toBe(400)
  })

  test("as a key or a reference of a configuration is a finding", () => {
    const changes: readonly (readonly [string, Parameters<ReturnType<typeof prepare>["rewrite"]>[0]])[] = [
      ["a key of the whole", (config) => void Object.defineProperty(config, name, OWN)],
      ["a key of a section", (config) => void Object.defineProperty(config.server, name, OWN)],
      ["a provider", (config) => void Object.defineProperty(config.providers, name, OWN)],
      ["a group", (config) => void Object.defineProperty(config.models, name, OWN)],
      ["a provider of a target", (config) => (config.models["default"] = targets({ provider: name, model_ref: "m1" }))],
      [
        "a model of a target",
        (config) => (config.models["default"] = targets({ provider: "upstream-chat", model_ref: name })),
      ],
      ["a strategy", (config) => (config.models["default"] = { ...config.models["default"], strategy: name })],
      ["a dialect", (config) => Object.assign(config.providers["upstream-chat"] ?? {}, { dialect: name })],
      ["a group of a caller", (config) => Object.assign(config.callers[0] ?? {}, { allow: [name] })],
      ["a project of a caller", (config) => Object.assign(config.callers[0] ?? {}, { project: name })],
      ["a user of a caller", (config) => Object.assign(config.callers[0] ?? {}, { owner_user: name })],
      ["the default group", (config) => Object.assign(config.server, { default_model_group: name })],
      ["a variable", (config) => Object.assign(config.providers["upstream-chat"] ?? {}, { api_key: `\${${name}}` })],
    ]
    const found = changes.map(([place, change]) => {
      const prepared = prepare({ upstreams: { upstream: { url: "https://127.0.0.1:1" } } })
      prepared.rewrite(change)
      const { findings } = loadConfig({ path: prepared.configPath, env: prepared.env })
      prepared.remove()
      return [place, findings.some(({ severity }) => severity === "error")]
    })
    expect(found).toEqual(changes.map(([place]) => [place, true]))
    expect(Reflect.get({}, "polluted")).toBeUndefined()
  })
})

const OWN = { value: { polluted: true }, enumerable: true, configurable: true, writable: true }

function targets(target: object): Record<string, unknown> {
  return { strategy: "static", targets: [target] }
}
