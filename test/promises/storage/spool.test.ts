/** A database that takes no rows does not lose a finished call: it is spooled, or calls are refused, as configured. */
import { expect, test } from "bun:test"
import { Database } from "bun:sqlite"
import { eventually, get } from "../../helpers/client.ts"
import { expectError } from "../../helpers/expectations.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import type { Gateway } from "../../helpers/gateway.ts"
import { startGateway } from "../../helpers/gateway.ts"
import { databasePath } from "../../helpers/records.ts"
import { ALL_SAMPLES, SAMPLES } from "../../helpers/samples.ts"
import { vendorAnswer, vendorBytes } from "../../helpers/vendor.ts"

/** Keeps every other writer out of the usage database until released. */
function lock(gateway: Gateway): { release(): void } {
  const database = new Database(databasePath(gateway.directory))
  database.run("BEGIN IMMEDIATE")
  return {
    release: () => {
      database.run("ROLLBACK")
      database.close()
    },
  }
}

async function start(upstream: FakeUpstream, policy: "spool" | "fail_closed"): Promise<Gateway> {
  return startGateway({
    upstreams: { upstream },
    configure: (config) => {
      config.server["usage_db"] = { driver: "sqlite", path: "state/usage.sqlite", on_unavailable: policy }
    },
  })
}

test("spool: calls finish while the database is locked, and their rows arrive afterwards, once", async () => {
  const upstream = (await FakeUpstream.start()).otherwise(vendorAnswer())
  await using gateway = await start(upstream, "spool")
  const before = await gateway.call("chat", SAMPLES.chat.request())
  const locked = lock(gateway)
  const answers = await Promise.all(
    ALL_SAMPLES.flatMap((sample) =>
      [false, true].map(async (streamed) => {
        const answer = await gateway.call(sample.dialect, sample.request({ stream: streamed }))
        expect(answer.text).toBe(vendorBytes(sample, streamed))
        return answer.requestId
      }),
    ),
  )
  expect(gateway.records.usage().map(({ request_id }) => request_id)).toEqual([before.requestId])
  locked.release()
  const rows = await eventually("all rows in the database", () => {
    const found = gateway.records.usage()
    return found.length >= answers.length + 1 ? found : undefined
  })
  expect(rows.map(({ request_id }) => request_id).toSorted()).toEqual([before.requestId, ...answers].toSorted())
  await upstream.stop()
})

test("spool: rows that were spooled when the router stopped are there after the next start", async () => {
  const upstream = (await FakeUpstream.start()).otherwise(vendorAnswer())
  await using gateway = await start(upstream, "spool")
  const locked = lock(gateway)
  const answer = await gateway.call("messages", SAMPLES.messages.request())
  expect(answer.status).toBe(200)
  await gateway.stop()
  locked.release()
  const { startRouter } = await import("../../../src/server/start.ts")
  const { configPath, env } = gateway.prepared
  const again = await startRouter({ configPath, env, listen: { hostname: "127.0.0.1", port: 0 } })
  await eventually("the spooled row", () => gateway.records.usage(answer.requestId)[0])
  await again.stop()
  expect(gateway.records.usage(answer.requestId)).toHaveLength(1)
  await upstream.stop()
})

test("fail_closed: calls are refused while the database is locked, and served again afterwards", async () => {
  const upstream = (await FakeUpstream.start()).otherwise(vendorAnswer())
  await using gateway = await start(upstream, "fail_closed")
  expect((await get(gateway, "/readyz")).status).toBe(200)
  const locked = lock(gateway)
  // The first call may find the store broken only when its own row is due.
  const first = await gateway.call("chat", SAMPLES.chat.request())
  expectError(first, "chat", 503, "usage-store-unavailable")
  const reached = upstream.exchanges.length
  for (const sample of ALL_SAMPLES) {
    const answer = await gateway.call(sample.dialect, sample.request())
    expectError(answer, sample.dialect, 503, "usage-store-unavailable")
  }
  expect(upstream.exchanges.length).toBe(reached)
  expect((await get(gateway, "/readyz")).status).toBe(503)
  locked.release()
  await eventually("service again", async () => {
    const answer = await gateway.call("chat", SAMPLES.chat.request())
    return answer.status === 200 ? answer : undefined
  })
  expect((await get(gateway, "/readyz")).status).toBe(200)
  await upstream.stop()
})
