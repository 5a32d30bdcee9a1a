/** Stored content is read and deleted by those with the grant, within their domain, and each time leaves a row before. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import { ask, user } from "../../helpers/administrators.ts"
import { type Answer, eventually, get } from "../../helpers/client.ts"
import { callerEntry, newToken } from "../../helpers/config.ts"
import { ALL_PARTS, capturing, CONTENT_ENV, partsOf, readContent } from "../../helpers/content.ts"
import { parsed } from "../../helpers/expectations.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import { startGateway, type LocalGateway } from "../../helpers/gateway.ts"
import { type LedgerState, onDrawnDriver } from "../../helpers/ledger-drivers.ts"
import { SAMPLES } from "../../helpers/samples.ts"
import { at } from "../../helpers/streams.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"

setDefaultTimeout(300_000)

const PREFIX = "/admin/reports/api"
const POLICY = [
  "p, keeper, *, content:capture, read|delete|purge",
  "p, keeper, *, admin:security_reports, read",
  "p, looker, *, admin:reports, read|drilldown",
  "g, basic:ann, keeper, *",
  "g, basic:dev, keeper, lab/dev",
  "g, basic:prod, keeper, lab/prod",
  "g, basic:eve, looker, *",
  "p, caller:sweeper, *, content:capture, delete|purge",
]

onDrawnDriver((driver) => {
  let upstream: FakeUpstream
  let state: LedgerState
  let gateway: LocalGateway
  const tokens = { prod: newToken("prod"), admin: newToken("admin"), sweeper: newToken("sweeper") }

  beforeAll(async () => {
    upstream = (await FakeUpstream.start()).otherwise(vendorAnswer())
    state = await driver.state()
    gateway = await startGateway({
      upstreams: { upstream },
      env: CONTENT_ENV,
      configure: (config) => {
        const none = { permissions: [] }
        const users = ["dev", "prod"].map((name) => user(name, { ...none, domain: `lab/${name}` }))
        capturing(config, ALL_PARTS, [...users, user("eve", none)])
        const auth = config.server["admin_auth"] as Record<string, unknown>
        auth["authorization"] = { enabled: true, policy: POLICY }
        config.server["usage_db"] = state.usageDb
        config.models["short"] = { ...config.models["default"], content_capture: { retention_days: 1 } }
        config.callers[0]!["allow"] = ["default", "short"]
        const prod = { environment: "prod" }
        config.callers.push(
          callerEntry("me-prod", tokens.prod, ["default"], prod),
          callerEntry("admin", tokens.admin, ["default"], { ...prod, content_admin: true }),
          callerEntry("sweeper", tokens.sweeper, ["default"]),
        )
      },
    })
  })
  afterAll(async () => {
    await gateway[Symbol.asyncDispose]()
    await state[Symbol.asyncDispose]()
    await upstream.stop()
  })

  async function stored(token = gateway.token, model = "default"): Promise<string> {
    const { requestId } = await gateway.call("chat", SAMPLES.chat.request({ model }), { token })
    await partsOf(gateway, requestId)
    return requestId
  }

  const told = (answer: Answer): unknown => [answer.status, at(parsed(answer), "error", "code")]
  const audits = (id: string): Promise<{ action: string; actor: string; asked_by: string }[]> =>
    state.rows(
      `SELECT action, actor, asked_by FROM request_content_audit_events WHERE request_id = '${id}' ORDER BY event_id`,
    )
  const remove = (id: string, name: string): Promise<Answer> =>
    ask(gateway, `${PREFIX}/content/${id}`, { user: name, method: "DELETE" })
  const asCaller = (path: string, method: string, token: string): Promise<Answer> =>
    gateway.call("chat", "", { path: `/v1/content-captures/${path}`, method, token })

  describe("reading", () => {
    test("takes the grant, and the domain of the call; each time it leaves a row", async () => {
      const [dev, prod] = [await stored(), await stored(tokens.prod)]
      const before = (await audits(dev)).length
      const read = await readContent(gateway, dev, "dev")
      expect(read.status).toBe(200)
      expect(read.headers.get("cache-control")).toBe("no-store")
      expect((await readContent(gateway, prod, "prod")).status).toBe(200)
      expect(told(await readContent(gateway, prod, "dev"))).toEqual([404, "not-found"])
      expect(told(await readContent(gateway, dev, "prod"))).toEqual([404, "not-found"])
      expect(told(await readContent(gateway, dev, "eve"))).toEqual([403, "content-forbidden"])
      expect(told(await readContent(gateway, `req_${"0".repeat(32)}`))).toEqual([404, "not-found"])
      const rows = await audits(dev)
      expect(rows.slice(before)).toEqual([{ action: "read", actor: "basic:dev", asked_by: read.requestId }])
    })

    test("is nothing for callers, and nothing for pages of other origins to change", async () => {
      const id = await stored()
      const asked = await get(gateway, `${PREFIX}/content/${id}`, { token: tokens.sweeper })
      expect(told(asked)).toEqual([403, "reports-forbidden"])
      expect(told(await asCaller(id, "GET", tokens.sweeper))).toEqual([405, "method-not-allowed"])
      const foreign = { user: "ann", method: "DELETE", headers: { "sec-fetch-site": "cross-site" } }
      expect(told(await ask(gateway, `${PREFIX}/content/${id}`, foreign))).toEqual([403, "cross-site-request"])
      expect((await readContent(gateway, id)).status).toBe(200)
    })

    test("shows nothing where it cannot be written down", async () => {
      const id = await stored()
      await state.change(["ALTER TABLE request_content_audit_events RENAME TO away"])
      try {
        expect(told(await readContent(gateway, id))).toEqual([503, "usage-store-unavailable"])
      } finally {
        await state.change(["ALTER TABLE away RENAME TO request_content_audit_events"])
      }
      expect((await readContent(gateway, id)).status).toBe(200)
    })

    test("is in the security report", async () => {
      const seen = await eventually("the events are written", async () => {
        const rows = await state.rows<{ outcome: string; path: string }>(
          "SELECT outcome, path_template AS path FROM security_access_events WHERE event_type = 'content'",
        )
        return new Set(rows.map(({ outcome }) => outcome)).size === 2 ? rows : undefined
      })
      expect(new Set(seen.map(({ path }) => path))).toEqual(new Set([`${PREFIX}/content/{id}`]))
    })
  })

  describe("deleting", () => {
    test("by administrators, within their domain", async () => {
      const id = await stored()
      expect(told(await remove(id, "eve"))).toEqual([403, "content-forbidden"])
      expect(told(await remove(id, "prod"))).toEqual([404, "not-found"])
      expect(parsed(await remove(id, "dev"))).toEqual({ request_id: id, deleted_parts: 2 })
      expect(told(await readContent(gateway, id))).toEqual([404, "not-found"])
      expect((await audits(id)).map(({ action, actor }) => `${action} ${actor}`).at(-1)).toBe("delete basic:dev")
      expect(await state.rows(`SELECT 1 FROM request_content_captures WHERE request_id = '${id}'`)).toEqual([])
    })

    test("by callers with a grant in the domain of the captured call", async () => {
      const [dev, prod] = [await stored(), await stored(tokens.prod)]
      expect(told(await asCaller(dev, "DELETE", gateway.token))).toEqual([403, "content-forbidden"])
      expect(told(await asCaller(dev, "DELETE", "rtr_unknown"))).toEqual([401, "unauthorized"])
      expect(told(await asCaller(dev, "DELETE", tokens.admin))).toEqual([404, "not-found"])
      expect((await asCaller(prod, "DELETE", tokens.admin)).status).toBe(200)
      expect((await asCaller(dev, "DELETE", tokens.sweeper)).status).toBe(200)
      expect((await audits(prod)).at(-1)).toMatchObject({ action: "delete", actor: "caller:admin" })
    })
  })

  test("every operation stands in the document of the API", async () => {
    const paths = at(parsed(await ask(gateway, `${PREFIX}/openapi.json`, { user: "eve" })), "paths")
    const permission = (path: string, method: string): unknown => at(paths, path, method, "x-permission")
    expect(permission("/api/content/{request_id}", "get")).toBe("content:capture:read")
    expect(permission("/api/content/{request_id}", "delete")).toBe("content:capture:delete")
    expect(permission("/api/content-purge-expired", "post")).toBe("content:capture:purge")
  })

  test("what has expired is purged, within the domain, and only that", async () => {
    const [kept, dev, prod] = [await stored(), await stored(gateway.token, "short"), await stored(tokens.prod)]
    const past = `UPDATE request_content_captures SET retention_until = 1 WHERE request_id IN ('${dev}', '${prod}')`
    await state.change([past])
    expect(told(await asCaller("purge-expired", "POST", gateway.token))).toEqual([403, "content-forbidden"])
    expect(parsed(await asCaller("purge-expired", "POST", tokens.admin))).toEqual({
      deleted_pieces: 2,
      has_more: false,
    })
    expect((await readContent(gateway, dev)).status).toBe(200)
    const purged = await ask(gateway, `${PREFIX}/content-purge-expired`, { user: "ann", method: "POST" })
    expect(parsed(purged)).toEqual({ deleted_pieces: 2, has_more: false })
    expect([await readContent(gateway, dev), await readContent(gateway, prod)].map(({ status }) => status)).toEqual([
      404, 404,
    ])
    expect((await readContent(gateway, kept)).status).toBe(200)
    const rows = await state.rows<{ n: number }>(
      "SELECT count(*) AS n FROM request_content_audit_events WHERE action = 'purge'",
    )
    expect(Number(rows[0]?.n)).toBe(2)
  })

  test("content under a legal hold is neither purged nor deleted, until the hold is released", async () => {
    const [held, free] = [await stored(gateway.token, "short"), await stored(gateway.token, "short")]
    await state.change([
      `UPDATE request_content_captures SET retention_until = 1 WHERE request_id IN ('${held}', '${free}')`,
      `INSERT INTO legal_holds (hold_id, data_class, request_id, ids_from, ids_to, reason, placed_at, placed_by)
       VALUES ('hold_1', 'content_capture', '${held}', '', 'g', 'case 12', 1, 'ann')`,
    ])
    const purge = () => ask(gateway, `${PREFIX}/content-purge-expired`, { user: "ann", method: "POST" })
    const removeHeld = () => ask(gateway, `${PREFIX}/content/${held}`, { user: "ann", method: "DELETE" })
    expect(parsed(await purge())).toEqual({ deleted_pieces: 2, has_more: false })
    expect(told(await removeHeld())).toEqual([409, "content-held"])
    expect([(await readContent(gateway, held)).status, (await readContent(gateway, free)).status]).toEqual([200, 404])
    await state.change(["UPDATE legal_holds SET released_at = 2, released_by = 'ann' WHERE hold_id = 'hold_1'"])
    expect((await removeHeld()).status).toBe(200)
    expect((await readContent(gateway, held)).status).toBe(404)
  })
})
