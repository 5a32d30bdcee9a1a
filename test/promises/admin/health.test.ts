/** Health, readiness and version are open and say nothing that is not for everyone. */
import { afterAll, beforeAll, expect, test } from "bun:test"
import { get } from "../../helpers/client.ts"
import { expectCommonHeaders, parsed } from "../../helpers/expectations.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import type { Gateway } from "../../helpers/gateway.ts"
import { startGateway } from "../../helpers/gateway.ts"

let upstream: FakeUpstream
let gateway: Gateway

beforeAll(async () => {
  upstream = await FakeUpstream.start()
  gateway = await startGateway({ upstreams: { upstream } })
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream.stop()
})

test.each(["/healthz", "/readyz", "/version"])("%s is open, for GET and HEAD, and holds no secret", async (path) => {
  const answer = await get(gateway, path, { token: null })
  expect(answer.status).toBe(200)
  expectCommonHeaders(answer, "chat")
  for (const secret of [...gateway.prepared.secrets, gateway.directory]) expect(answer.text).not.toContain(secret)
  const head = await get(gateway, path, { token: null, method: "HEAD" })
  expect({ status: head.status, text: head.text }).toEqual({ status: 200, text: "" })
})

test("the version names version, commit, build time, runtime, system and architecture", async () => {
  const body = parsed(await get(gateway, "/version", { token: null }))
  expect(body).toMatchObject({ version: expect.stringMatching(/^\d+\.\d+\.\d+/u) as string })
  const text = JSON.stringify(body)
  for (const part of ["commit", "runtime", "os", "arch"]) expect(text).toContain(part)
})

test("none of these asks an upstream or writes a row", async () => {
  expect(upstream.exchanges).toEqual([])
  expect(gateway.records.usage()).toEqual([])
})
