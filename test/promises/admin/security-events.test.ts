/** Every refusal of who calls leaves an event, and so does every administrator who gets in: on both databases. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import type { SecurityEventRow } from "../../../src/ledger/security-events.ts"
import { ask, HASHES, user, withAdministrators } from "../../helpers/administrators.ts"
import { eventually, get } from "../../helpers/client.ts"
import { callerEntry, newToken } from "../../helpers/config.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import { startGateway, type LocalGateway } from "../../helpers/gateway.ts"
import { onDrawnDriver, type LedgerState } from "../../helpers/ledger-drivers.ts"
import { SAMPLES } from "../../helpers/samples.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"

const suspended = newToken("suspended")
const old = newToken("old")
const UNKNOWN = "rtr_somebody_else"

onDrawnDriver((driver) => {
  let upstream: FakeUpstream
  let state: LedgerState
  let gateway: LocalGateway
  const lines: string[] = []

  beforeAll(async () => {
    upstream = (await FakeUpstream.start()).otherwise(vendorAnswer())
    state = await driver.state()
    gateway = await startGateway(
      {
        upstreams: { upstream },
        env: HASHES,
        configure: (config) => {
          config.server["usage_db"] = state.usageDb
          config.models["hidden"] = { ...config.models["default"] }
          config.callers.push(callerEntry("resting", suspended, ["default"], { status: "suspended" }))
          config.callers.push(callerEntry("late", old, ["default"], { token_expires_at: "2020-01-01T00:00:00Z" }))
          withAdministrators(config, [user("ann"), user("nil", { permissions: [] })])
        },
      },
      {
        log: {
          info: () => {},
          warn: (message, fields) => void lines.push(JSON.stringify([message, fields])),
          error: () => {},
        },
      },
    )
  })
  afterAll(async () => {
    await gateway[Symbol.asyncDispose]()
    await state[Symbol.asyncDispose]()
    await upstream.stop()
  })

  /** Those of a kind, once as many are written as there were. */
  async function events(where: string, count: number): Promise<readonly SecurityEventRow[]> {
    const found = async (): Promise<SecurityEventRow[]> =>
      await state.rows<SecurityEventRow>(`SELECT * FROM security_access_events WHERE ${where} ORDER BY event_id`)
    return await eventually("the events are written", async () => {
      const rows = await found()
      return rows.reduce((sum, row) => sum + row.count, 0) >= count ? rows : undefined
    })
  }

  async function call(token: string, model = "default"): Promise<number> {
    const body = JSON.stringify({ ...(JSON.parse(SAMPLES.chat.request({ text: "hi" })) as object), model })
    return (await gateway.call("chat", body, { token })).status
  }

  describe("a token", () => {
    test("that nobody has: equal refusals are one row with a count", async () => {
      for (let time = 0; time < 3; time++) expect(await call(UNKNOWN)).toBe(401)
      const rows = await events("reason_code = 'unauthorized' AND surface = 'calls'", 3)
      expect(rows).toMatchObject([
        {
          event_type: "credential",
          outcome: "denied",
          status_code: 401,
          count: 3,
          caller_id: null,
          auth_source: "token",
        },
      ])
      expect(rows[0]).toMatchObject({
        http_method: "POST",
        path_template: "/v1/chat/completions",
        ip_address: "127.0.0.1",
      })
      expect(JSON.stringify(rows)).not.toContain(UNKNOWN)
    })

    test.each([
      ["suspended", suspended, "key-suspended", "resting"],
      ["expired", old, "key-expired", "late"],
    ])("that is %s names its caller, also in the log", async (_, token, reason, caller) => {
      expect(await call(token)).toBe(403)
      expect(await events(`reason_code = '${reason}'`, 1)).toMatchObject([
        { event_type: "credential", caller_id: caller, caller_project: "lab", status_code: 403 },
      ])
      expect(lines.filter((line) => line.includes(reason)).join("")).toContain(`"caller_id":"${caller}"`)
    })

    test("beside the calls, with the path and not the id", async () => {
      const answer = await get(gateway, "/v1/models/default", { token: UNKNOWN })
      expect(answer.status).toBe(401)
      expect(await events("surface = 'api'", 1)).toMatchObject([{ path_template: "/v1/models/{id}", count: 1 }])
    })
  })

  test("a group that the caller may not use is named, one that there is not is not", async () => {
    expect(await call(gateway.token, "hidden")).toBe(403)
    expect(await call(gateway.token, "a secret that slipped into the field")).toBe(403)
    const rows = await events("event_type = 'model'", 2)
    expect(rows.map(({ requested_model, caller_id }) => [requested_model, caller_id === null])).toEqual([
      ["hidden", false],
      [null, false],
    ])
  })

  test("metrics are for those who may see them", async () => {
    expect((await get(gateway, "/metrics")).status).toBe(403)
    const [row] = await events("event_type = 'metrics'", 1)
    expect(row).toMatchObject({ surface: "metrics", reason_code: "metrics-forbidden", status_code: 403 })
    expect(row?.caller_id).not.toBeNull()
  })

  test("administrators: who got in, who did not, and who may nothing", async () => {
    expect((await ask(gateway, "/admin/auth/check", { user: "ann" })).status).toBe(200)
    expect((await ask(gateway, "/admin/auth/check", { user: "ann", password: "wrong" })).status).toBe(401)
    expect((await ask(gateway, "/admin/auth/check", { user: "nil" })).status).toBe(403)
    const rows = await events("event_type = 'admin'", 3)
    expect(rows.map(({ outcome, reason_code, admin_subject }) => [outcome, reason_code, admin_subject])).toEqual([
      ["allowed", null, "basic:ann"],
      ["denied", "unauthorized", null],
      ["denied", "admin-forbidden", "basic:nil"],
    ])
  })

  test("a call that is served leaves none", async () => {
    const before = await state.rows<{ n: number }>("SELECT sum(count) AS n FROM security_access_events")
    expect(await call(gateway.token)).toBe(200)
    expect(await call(UNKNOWN)).toBe(401)
    await events("reason_code = 'unauthorized' AND surface = 'calls'", 4)
    const after = await state.rows<{ n: number }>("SELECT sum(count) AS n FROM security_access_events")
    expect((after[0]?.n ?? 0) - (before[0]?.n ?? 0)).toBe(1)
  })
})
