/** The models list shows a caller's own groups, in the shape that the client reads. */
import { afterAll, beforeAll, expect, test } from "bun:test"
import { get } from "../../helpers/client.ts"
import { callerEntry, newToken, targetsOf } from "../../helpers/config.ts"
import { expectCommonHeaders, expectError, parsed } from "../../helpers/expectations.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import type { Gateway } from "../../helpers/gateway.ts"
import { startGateway } from "../../helpers/gateway.ts"
import { at } from "../../helpers/streams.ts"

const ANTHROPIC = { "anthropic-version": "2023-06-01" }
const other = newToken("other")
let upstream: FakeUpstream
let gateway: Gateway

beforeAll(async () => {
  upstream = await FakeUpstream.start()
  gateway = await startGateway({
    upstreams: { upstream },
    configure: (config) => {
      config.models["private"] = { strategy: "static", targets: targetsOf(["upstream"]) }
      config.models["default"] = { ...config.models["default"], aliases: ["claude-opus-5-5", "with/slash"] }
      config.callers.push(callerEntry("other", other, ["private"]))
    },
  })
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream.stop()
})

function ids(body: unknown): readonly string[] {
  const data = at(body, "data")
  return Array.isArray(data) ? data.map((model) => String(at(model, "id"))).toSorted() : []
}

test.each(["/v1/models", "/models"])("%s: OpenAI's list, and nothing of Codex' beside it", async (path) => {
  const answer = await get(gateway, path)
  expect(answer.status).toBe(200)
  expectCommonHeaders(answer, "chat")
  const body = parsed(answer)
  expect(at(body, "object")).toBe("list")
  expect(ids(body)).toEqual(["claude-opus-5-5", "default", "with/slash"])
  expect(at(body, "data", 0)).toMatchObject({ object: "model", owned_by: expect.any(String) as string })
  expect(Object.keys(body as object)).toEqual(["object", "data"])
  expect(answer.text.length / ids(body).length).toBeLessThan(200)
  expect(answer.text).not.toContain("vendor/model-1")
  expect(answer.text).not.toContain("private")
})

test.each(["/v1/models", "/anthropic/v1/models"])("%s with anthropic-version: Anthropic's list", async (path) => {
  const answer = await get(gateway, path, { headers: ANTHROPIC })
  expect(answer.status).toBe(200)
  const body = parsed(answer)
  expect(ids(body)).toEqual(["claude-opus-5-5", "default", "with/slash"])
  expect(at(body, "has_more")).toBe(false)
  const listed = at(body, "data")
  const names = Array.isArray(listed) ? listed.map((model) => at(model, "id")) : []
  expect([at(body, "first_id"), at(body, "last_id")]).toEqual([names[0], names.at(-1)])
  expect(at(body, "data", 0)).toMatchObject({
    type: "model",
    display_name: expect.any(String) as string,
    created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT/u) as string,
  })
})

test("another caller sees other groups", async () => {
  expect(ids(parsed(await get(gateway, "/v1/models", { token: other })))).toEqual(["private"])
})

test("one model by its name or alias, in both shapes; what is not allowed does not exist", async () => {
  for (const name of ["default", "claude-opus-5-5", "with%2Fslash"]) {
    const id = decodeURIComponent(name)
    expect(parsed(await get(gateway, `/v1/models/${name}`))).toMatchObject({ id, object: "model" })
    expect(parsed(await get(gateway, `/v1/models/${name}`, { headers: ANTHROPIC }))).toMatchObject({
      id,
      type: "model",
    })
  }
  expectError(await get(gateway, "/v1/models/private"), "chat", 404, "not-found")
  expectError(await get(gateway, "/v1/models/no-such-group"), "chat", 404, "not-found")
  expectError(await get(gateway, "/v1/models/__proto__"), "chat", 404, "not-found")
  expect((await get(gateway, "/v1/models/private", { headers: ANTHROPIC })).status).toBe(404)
})
