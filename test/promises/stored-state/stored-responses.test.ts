/** `/v1/responses/{id}`: at the target that holds it, for the project that it was returned to. */
import { afterAll, beforeAll, expect, test } from "bun:test"
import OpenAI from "openai"
import { reply, stream } from "../../helpers/behaviours.ts"
import { callerEntry, newToken, targetsOf } from "../../helpers/config.ts"
import { call } from "../../helpers/client.ts"
import { expectError } from "../../helpers/expectations.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import type { Gateway } from "../../helpers/gateway.ts"
import { startGateway } from "../../helpers/gateway.ts"
import { SAMPLES } from "../../helpers/samples.ts"

let upstream: FakeUpstream
let gateway: Gateway
const stranger = newToken("k2")
const SAMPLE = SAMPLES.responses

beforeAll(async () => {
  upstream = await FakeUpstream.start()
  gateway = await startGateway({
    upstreams: { upstream },
    configure: (config) => {
      config.models["default"] = {
        strategy: "static",
        targets: targetsOf(["upstream"]).filter(({ provider }) => provider === "upstream-responses"),
      }
      config.projects.push({ id: "other", name: "Other", status: "active" })
      config.project_memberships.push({ user_id: "me", project: "other", role: "owner", status: "active" })
      config.callers.push(callerEntry("stranger", stranger, ["default"], { project: "other" }))
    },
  })
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream.stop()
})

function bodyOf(members: Readonly<Record<string, unknown>>): string {
  return JSON.stringify({ ...(JSON.parse(SAMPLE.unary()) as object), ...members })
}

async function obtain(
  id: string,
  members: Readonly<Record<string, unknown>> = {},
  extra: Readonly<Record<string, unknown>> = {},
): Promise<string> {
  upstream.plan(`<${id}>`, reply(bodyOf({ id, ...members })))
  const answer = await gateway.call("responses", SAMPLE.request({ text: `<${id}>`, extra }))
  expect(answer.status).toBe(200)
  return answer.requestId
}

function ask(method: string, path: string, token?: string): ReturnType<typeof call> {
  return call(gateway, "responses", null, { method, path, ...(token === undefined ? {} : { token }) })
}

const PATHS = [
  ["GET", ""],
  ["GET", "/input_items"],
  ["POST", "/cancel"],
  ["DELETE", ""],
] as const

test.each(PATHS.map((row) => [...row] as const))(
  "it follows the response to its target: %s …%s",
  async (method, below) => {
    const id = `resp_${method}${below.slice(1)}`
    expectError(await ask(method, `/v1/responses/${id}${below}`), "responses", 404, "not-found")
    await obtain(id)
    const rows = gateway.records.usage().length
    expectError(await ask(method, `/v1/responses/${id}${below}`, stranger), "responses", 404, "not-found")
    expect(upstream.received(`/responses/${id}`)).toEqual([])
    const answer = bodyOf({ id, marker: true })
    upstream.plan(`/responses/${id}${below}`, reply(answer))
    const query = "?include[]=reasoning.encrypted_content&limit=3&evil=1"
    const got = await ask(method, `/v1/responses/${id}${below}${query}`)
    expect([got.status, got.text]).toEqual([200, answer])
    const [sent] = upstream.received(`/responses/${id}`)
    expect(sent?.request.method).toBe(method)
    expect(sent?.request.target).toBe(`/v1/responses/${id}${below}?include%5B%5D=reasoning.encrypted_content&limit=3`)
    expect(gateway.records.usage()).toHaveLength(rows)
    if (method === "DELETE") expectError(await ask("GET", `/v1/responses/${id}`), "responses", 404, "not-found")
  },
)

test("other methods are told which there are", async () => {
  await obtain("resp_put")
  const answer = await ask("PUT", "/v1/responses/resp_put")
  expectError(answer, "responses", 405, "method-not-allowed")
  expect(answer.headers.get("allow")).toBe("GET, DELETE")
})

test("a response in the background is resumed as a stream, and its usage is booked once", async () => {
  const id = "resp_background"
  const requestId = await obtain(id, { status: "queued", output: [], usage: null }, { background: true })
  expect(gateway.records.usage(requestId)).toMatchObject([{ usage_source: "none", total_tokens: null }])
  const rows = gateway.records.usage().length
  const frames = SAMPLE.frames()
  upstream.plan(`/responses/${id}?stream=true`, stream(frames))
  for (let time = 0; time < 2; time++) {
    const answer = await ask("GET", `/v1/responses/${id}?stream=true&starting_after=3`)
    expect([answer.status, answer.text]).toEqual([200, frames.join("")])
  }
  const booked = gateway.records.usage().filter(({ total_tokens }) => total_tokens !== null)
  expect(gateway.records.usage()).toHaveLength(rows + 1)
  expect(booked.at(-1)).toMatchObject({
    input_tokens: SAMPLE.usage.input,
    output_tokens: SAMPLE.usage.output,
    caller_id: "me-lab",
    resolved_group: "default",
    usage_source: "provider",
  })
  expect(upstream.received("starting_after=3")).toHaveLength(2)
})

test("a stored response that was paid for is not booked again", async () => {
  await obtain("resp_paid")
  const rows = gateway.records.usage().length
  upstream.plan("/responses/resp_paid", reply(bodyOf({ id: "resp_paid" })))
  await ask("GET", "/v1/responses/resp_paid")
  expect(gateway.records.usage()).toHaveLength(rows)
})

test("the vendor's client reads, cancels and deletes", async () => {
  const client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: gateway.token, maxRetries: 0 })
  await obtain("resp_sdk")
  upstream.plan("/responses/resp_sdk", reply(bodyOf({ id: "resp_sdk" })))
  expect((await client.responses.retrieve("resp_sdk")).output_text).toBe("Hi there")
  expect((await client.responses.cancel("resp_sdk")).id).toBe("resp_sdk")
  await client.responses.delete("resp_sdk")
  const gone: unknown = await client.responses.retrieve("resp_sdk").catch((error: unknown) => error)
  expect(gone).toMatchObject({ status: 404 })
})
