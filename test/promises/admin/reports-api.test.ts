/** The API of reports: every operation of its document answers as the document says, within what the reader may see. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import { ask, cheapPasswords, HASHES, user, withAdministrators } from "../../helpers/administrators.ts"
import { type Answer, eventually, get } from "../../helpers/client.ts"
import { callerEntry, newToken } from "../../helpers/config.ts"
import { parsed } from "../../helpers/expectations.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import { startGateway, type LocalGateway } from "../../helpers/gateway.ts"
import { type Schema, schemaFaults } from "../../helpers/json-schema.ts"
import { sampled, WHOLE } from "../../helpers/sample.ts"
import { at } from "../../helpers/streams.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"

setDefaultTimeout(300_000)

const PREFIX = "/admin/reports"
const POLICY = [
  "p, reader, *, admin:reports, read|export|drilldown",
  "p, reader, *, admin:security_reports, read|export",
  "p, looker, lab/dev, admin:reports, read|drilldown",
  "g, basic:ann, reader, *",
  "g, basic:dev, looker, lab/dev",
  "g, basic:prod, reader, lab/prod",
]
const MODEL = '=HYPERLINK("https://evil.example")|<b>x</b>'

/** Below `api/`, as programs that know the API from elsewhere ask for them. */
const NAMES = `
  summary overview version requests expensive-requests security/events request-evidence savings savings-by-user
  savings-by-key savings-by-group savings-by-project savings-by-provider-model usage-by-key usage-by-caller
  usage-by-requested-model clients model-groups-by-user provider-model-mix projects capability-usage latency-throughput
  errors-fallbacks upstream-failures request-shape-failures fallback-health user-client-impact cache
  traffic-shaping-overview traffic-shaping-by-user traffic-shaping-by-key anomalies traffic-shaping-by-client
  traffic-shaping-by-group provider-capacity-shaping retention-status adaptive-upstream-backoff traffic-tuning-advisor
  routing-decisions dynamic-signals quotas dynamic-score-buckets dynamic-thresholds max-token-buckets
  input-token-buckets validation admission-reasons troubleshooting contracts contract-workloads quota-status
  migrations provider-catalog-status
`
  .trim()
  .split(/\s+/)
/** They tell of the router itself, to those who see all of it. */
const OF_ALL = ["/api/migrations", "/api/retention-status"]

interface Parameter {
  readonly name: string
  readonly in: "query" | "path"
  readonly required?: boolean
  readonly example?: string | readonly string[]
}

interface Operation {
  readonly operationId: string
  readonly "x-permission": string
  readonly parameters: readonly Parameter[]
  readonly responses: Readonly<
    Record<string, { readonly content: Readonly<Record<string, { readonly schema: Schema }>> }>
  >
}

let passwords: Disposable
let upstream: FakeUpstream
let gateway: LocalGateway
let operations: readonly (readonly [path: string, operation: Operation])[]
let document: object
const ids: string[] = []
const prodToken = newToken("prod")

beforeAll(async () => {
  passwords = cheapPasswords()
  upstream = (await FakeUpstream.start()).otherwise(vendorAnswer())
  gateway = await startGateway({
    upstreams: { upstream },
    env: HASHES,
    configure: (config) => {
      const none = { permissions: [] }
      const users = [
        user("ann", none),
        user("dev", { ...none, domain: "lab/dev" }),
        user("prod", { ...none, domain: "lab/prod" }),
        user("nil", none),
      ]
      withAdministrators(config, users, {}, { authorization: { enabled: true, policy: POLICY } })
      config.server["admin_reports"] = {
        enabled: true,
        max_rows: 50,
        max_range: "31d",
        security: { enabled: true },
        baselines: [{ id: "big", input_price_per_million_usd: 10, output_price_per_million_usd: 30 }],
      }
      config.models[MODEL] = { ...config.models["default"] }
      config.callers[0] = { ...config.callers[0], allow: ["default", MODEL] }
      config.callers.push(callerEntry("me-prod", prodToken, ["default"], { environment: "prod" }))
    },
  })
  const body = (model: string): string => JSON.stringify({ model, messages: [{ role: "user", content: "Hello" }] })
  for (let count = 0; count < 12; count += 1) ids.push((await gateway.call("chat", body("default"))).requestId)
  ids.push((await gateway.call("chat", body(MODEL))).requestId)
  await gateway.call("chat", body("default"), { token: prodToken })
  document = parsed(await read("/api/openapi.json")) as object
  const paths = at(document, "paths") as Record<string, { readonly get?: Operation }>
  // those of stored content are driven in test/promises/content
  operations = Object.entries(paths).flatMap(([path, { get: one }]) =>
    one === undefined || one["x-permission"].startsWith("content:") ? [] : [[path, one] as const],
  )
  await eventually("the calls are in the cube", async () => {
    const found = parsed(await read("/api/requests?since=24h"))
    return at(found, "pagination", "returned") === 14 ? true : undefined
  })
})
afterAll(async () => {
  passwords[Symbol.dispose]()
  await gateway[Symbol.asyncDispose]()
  await upstream.stop()
})

function read(path: string, name = "ann"): Promise<Answer> {
  return ask(gateway, PREFIX + path, { user: name })
}

function filled(path: string, { parameters }: Operation, withExamples: boolean): string {
  const query = new URLSearchParams()
  for (const { name, in: place, example, required } of parameters)
    if (place === "query" && required === true) query.append(name, ids[0] ?? "")
    else if (withExamples && place === "query" && example !== undefined)
      for (const value of [example].flat()) query.append(name, value)
  const text = query.toString()
  return path.replace("{request_id}", ids[0] ?? "") + (text === "" ? "" : `?${text}`)
}

/** An error in the one shape, by its code and the parameter that it names. */
function refusal(answer: Answer): unknown {
  const error = at(parsed(answer), "error") as Record<string, unknown>
  expect(error["type"]).toBe(error["code"])
  expect(error["request_id"]).toBe(answer.headers.get("x-request-id"))
  expect(answer.headers.get("cache-control")).toBe("no-store")
  return [answer.status, error["code"], error["param"]]
}

describe("every operation of the document", () => {
  test("is there, with all names that programs know", () => {
    const paths = operations.map(([path]) => path)
    for (const name of NAMES) expect(paths).toContain(`/api/${name}`)
    for (const section of [
      "usage",
      "cost",
      "errors",
      "limits",
      "shaping",
      "routing",
      "catalog",
      "security",
      "calls",
      "advisor",
    ])
      expect(paths).toContain(`/api/report/${section}`)
    for (const path of ["/api/request/{request_id}", "/api/security/events", "/export.md", "/security/export.csv"])
      expect(paths).toContain(path)
    expect(new Set(operations.map(([, { operationId }]) => operationId)).size).toBe(paths.length)
  })

  test("answers as it says, asked for nothing and for each of its examples", async () => {
    for (const [path, operation] of sampled(operations, 20)) {
      for (const withExamples of [false, true]) {
        const asked = filled(path, operation, withExamples)
        const answer = await read(asked)
        expect([asked, answer.status, answer.broken]).toEqual([asked, 200, false])
        const [[type, { schema }] = ["", { schema: {} }]] = Object.entries(operation.responses["200"]?.content ?? {})
        expect(answer.headers.get("content-type")).toStartWith(type)
        expect(answer.headers.get("cache-control")).toBe("no-store")
        expect(answer.headers.get("content-security-policy")).toBe("default-src 'none'; frame-ancestors 'none'")
        expect(answer.headers.get("x-content-type-options")).toBe("nosniff")
        if (type === "application/json") expect([asked, schemaFaults(parsed(answer), schema)]).toEqual([asked, []])
      }
    }
  })

  test("is closed to those without its permission, to nobody and to tokens of callers", async () => {
    for (const [path, operation] of sampled(operations, 20)) {
      const asked = filled(path, operation, false)
      expect([asked, refusal(await read(asked, "nil"))]).toEqual([asked, [403, "reports-forbidden", null]])
      expect([asked, refusal(await get(gateway, PREFIX + asked))]).toEqual([asked, [403, "reports-forbidden", null]])
      expect([asked, refusal(await get(gateway, PREFIX + asked, { token: null }))]).toEqual([
        asked,
        [401, "unauthorized", null],
      ])
      expect([asked, refusal(await get(gateway, PREFIX + asked, { token: "rtr_no_such" }))]).toEqual([
        asked,
        [401, "unauthorized", null],
      ])
      const mayRead =
        !operation["x-permission"].endsWith(":export") && !operation["x-permission"].startsWith("admin:security")
      expect([asked, (await read(asked, "dev")).status]).toEqual([asked, mayRead && !OF_ALL.includes(path) ? 200 : 403])
    }
  })

  test("takes no other method and no parameter that it does not know", async () => {
    for (const [path, operation] of sampled(operations, 20)) {
      const asked = filled(path, operation, false)
      const posted = await ask(gateway, PREFIX + asked, { user: "ann", method: "POST" })
      expect([asked, refusal(posted), posted.headers.get("allow")]).toEqual([
        asked,
        [405, "method-not-allowed", null],
        "GET, HEAD",
      ])
      expect([asked, refusal(await read(`${asked}${asked.includes("?") ? "&" : "?"}sinse=7d`))]).toEqual([
        asked,
        [400, "invalid-report-filter", "sinse"],
      ])
      const head = await ask(gateway, PREFIX + asked, { user: "ann", method: "HEAD" })
      expect([asked, head.status, head.text]).toEqual([asked, 200, ""])
    }
  })

  test("refuses each parameter that is not right, by its name", async () => {
    const wrong: Readonly<Record<string, readonly string[]>> = {
      since: ["yesterday", "0d", "-1d", "99999d", "36500d"],
      from: ["2026-13-45", "now", "1"],
      to: ["2026-02-30", "1970-01-01"],
      tz: ["Mars/Olympus", "../etc/passwd"],
      where: ["=", "colour=red", "project", "status>=", 'project="', "latency_ms>=fast"],
      by: ["colour", "project,project", "project,user,group,model"],
      limit: ["0", "51", "-1", "1.5", "many", "1e3"],
      sort: ["colour"],
      direction: ["up"],
      near: ["101", "-1"],
      mode: ["everything"],
      table: ["nowhere"],
      cursor: ["x", "x.y", "."],
    }
    let count = 0
    for (const [path, operation] of sampled(operations, 20)) {
      for (const { name } of operation.parameters) {
        for (const value of wrong[name] ?? []) {
          // pages take such a text as it is
          if (path.startsWith("/api/page/") && value === 'project="') continue
          const asked = `${path}?${new URLSearchParams({ [name]: value }).toString()}`
          const answer = await read(asked)
          expect([asked, answer.status]).toEqual([asked, 400])
          const [status, code, param] = refusal(answer) as [number, string, string]
          expect([asked, status, code]).toEqual([asked, 400, "invalid-report-filter"])
          expect([asked, param.length > 0]).toEqual([asked, true])
          count += 1
        }
      }
    }
    expect(count).toBeGreaterThan(WHOLE ? 500 : 50)
  })
})

test("a parameter stands once, and is no longer than it may be", async () => {
  expect(refusal(await read("/api/summary?since=7d&since=8d"))).toEqual([400, "invalid-report-filter", "since"])
  expect(refusal(await read(`/api/summary?where=project=${"a".repeat(5000)}`))).toEqual([
    400,
    "invalid-report-filter",
    "where",
  ])
  expect(refusal(await read("/api/summary?since=7d&from=2026-01-01"))).toEqual([400, "invalid-report-filter", "since"])
  expect((await read("/api/summary?since=")).status).toBe(200)
})

test("an administrator of a project in an environment sees that one alone", async () => {
  const count = async (name: string, path: string): Promise<unknown> =>
    at(parsed(await read(path, name)), "pagination", "returned")
  expect(await count("ann", "/api/requests")).toBe(14)
  expect(await count("dev", "/api/requests")).toBe(13)
  expect(await count("prod", "/api/requests")).toBe(1)
  expect(await count("prod", "/api/requests?environment=dev")).toBe(0)
  expect(await count("prod", "/api/requests?where=environment=dev")).toBe(0)
  const foreign = `/api/request/${ids[0] ?? ""}`
  expect((await read(foreign, "dev")).status).toBe(200)
  expect(refusal(await read(foreign, "prod"))).toEqual([404, "not-found", null])
  expect(refusal(await read(`/api/request/req_${"0".repeat(32)}`, "dev"))).toEqual([404, "not-found", null])
  const callers = async (name: string): Promise<unknown> =>
    (at(parsed(await read("/api/facets?dimension=caller", name)), "values") as { value: string }[]).map(
      (each) => each.value,
    )
  expect(await callers("ann")).toHaveLength(2)
  expect(await callers("prod")).toEqual(["me-prod"])
  expect(refusal(await read("/api/facets?dimension=colour"))).toEqual([400, "invalid-report-filter", "dimension"])
  const text = (await read("/export/calls.csv", "prod")).text
  expect(text).not.toContain("dev")
  expect(text.trim().split("\r\n")).toHaveLength(2)
})

describe("pages of calls", () => {
  const page = async (query: string, name = "ann"): Promise<{ rows: unknown[]; next: string | null }> => {
    const answer = await read(`/api/requests?${query}`, name)
    expect([query, answer.status]).toEqual([query, 200])
    const value = parsed(answer)
    return {
      rows: at(value, "tables", 0, "rows") as unknown[],
      next: at(value, "pagination", "next_cursor") as string | null,
    }
  }

  test.each([
    "newest",
    "oldest",
    "cost",
    "latency",
    "timeUtc&direction=asc",
    "costUsd",
    "latencyMs&direction=desc",
    "requestId",
    "status",
    "status&direction=asc",
  ])("hold every call once, by %s", async (sort) => {
    const found: unknown[] = []
    let query = `limit=5&sort=${sort}`
    for (let count = 0; count < 4; count += 1) {
      const { rows, next } = await page(query)
      found.push(...rows.map((row) => (row as unknown[])[1]))
      if (next === null) break
      query = `limit=5&sort=${sort}&cursor=${encodeURIComponent(next)}`
    }
    expect(found).toHaveLength(14)
    expect(new Set(found).size).toBe(14)
  })

  test("are found by the names that programs know filters by, and come in no order that there is not", async () => {
    expect((await page("caller_id=me-prod")).rows).toHaveLength(1)
    expect((await page("owner_user=me&caller_environment=dev&limit=50")).rows).toHaveLength(13)
    expect(refusal(await read("/api/requests?sort=costUsd&direction=asc"))).toEqual([
      400,
      "invalid-report-filter",
      "direction",
    ])
    expect(refusal(await read("/api/requests?sort=surface"))).toEqual([400, "invalid-report-filter", "sort"])
  })

  test("go on with the same question alone", async () => {
    const { next } = await page("limit=5&sort=cost")
    const cursor = encodeURIComponent(next ?? "")
    expect((await page(`limit=2&sort=cost&cursor=${cursor}`)).rows).toHaveLength(2)
    const changed = `${(next ?? "").startsWith("A") ? "B" : "A"}${(next ?? "").slice(1)}`
    for (const query of [
      `limit=5&sort=latency&cursor=${cursor}`,
      `limit=5&sort=cost&project=lab&cursor=${cursor}`,
      `limit=5&cursor=${cursor}`,
      `limit=5&sort=cost&cursor=${encodeURIComponent(changed)}`,
      `limit=5&sort=cost&cursor=${cursor}AA`,
    ])
      expect([query, refusal(await read(`/api/requests?${query}`))]).toEqual([
        query,
        [400, "invalid-report-filter", "cursor"],
      ])
    const other = `/api/expensive-requests?limit=5&sort=cost&cursor=${cursor}`
    expect(refusal(await read(other))).toEqual([400, "invalid-report-filter", "cursor"])
    expect(refusal(await read(`/api/requests?limit=5&sort=cost&cursor=${cursor}`, "dev"))).toEqual([
      400,
      "invalid-report-filter",
      "cursor",
    ])
  })
})

describe("a file", () => {
  test("holds every call, and no formula", async () => {
    const answer = await read("/export/calls.csv")
    expect(answer.headers.get("content-disposition")).toBe('attachment; filename="calls.csv"')
    const lines = answer.text.trim().split("\r\n")
    expect(lines).toHaveLength(15)
    expect(lines[0]).toStartWith("ts,request_id,")
    expect(answer.text).toContain(`"'=HYPERLINK(""https://evil.example"")|<b>x</b>"`)
    expect(answer.text).not.toMatch(/(?:^|,)"?[=+@-]/mu)
  })

  test("of Markdown holds no HTML and no broken table", async () => {
    const { text } = await read("/export.md")
    expect(text).toContain("# Report")
    expect(text).not.toContain("<b>")
    for (const table of text.split("\n\n").filter((part) => part.startsWith("| "))) {
      const widths = table.split("\n").map((row) => row.replaceAll(/\\./gu, "").split("|").length)
      expect([table.slice(0, 40), new Set(widths).size]).toEqual([table.slice(0, 40), 1])
    }
    const summary = (await read("/export.md?mode=summary")).text
    expect(summary.length).toBeLessThan(text.length)
  })
})

test("the figures of all surfaces are the same", async () => {
  const headline = at(parsed(await read("/api/summary")), "tables", 0) as {
    columns: { key: string }[]
    rows: unknown[][]
  }
  const calls = headline.columns.findIndex(({ key }) => key === "calls")
  expect(headline.rows[0]?.[calls]).toBe(14)
  const named = await read("/api/projects?since=24h")
  const own = await read("/api/report/usage?since=24h&by=project")
  const tables = (answer: Answer): unknown => at(parsed(answer), "tables")
  expect(JSON.stringify(tables(named))).toBe(JSON.stringify(tables(own)))
})

test("what administrators read, export and look into is recorded", async () => {
  await read("/api/report/usage")
  await read("/export/usage.csv")
  await read(`/api/request/${ids[1] ?? ""}`)
  await read("/api/summary", "nil")
  const words = [",export,", ",drilldown,", "reports-forbidden", "basic:ann", "/admin/reports/export/usage.csv"]
  const text = await eventually("the events are there", async () => {
    const answer = await read("/security/export.csv?since=1h")
    return words.every((word) => answer.text.includes(word)) ? answer.text : undefined
  })
  expect(text).not.toContain(ids[1] ?? "no id")
})

test("reports that are off say so, to administrators alone", async () => {
  await using closed = await startGateway({
    upstreams: { upstream },
    env: HASHES,
    configure: (config) => {
      withAdministrators(config, [
        user("ann", { permissions: ["admin:reports:read|export", "admin:security_reports:read"] }),
      ])
    },
  })
  expect(refusal(await ask(closed, `${PREFIX}/api/summary`, { user: "ann" }))).toEqual([503, "reports-disabled", null])
  expect(refusal(await ask(closed, `${PREFIX}/api/summary`))).toEqual([401, "unauthorized", null])
  await using open = await startGateway({
    upstreams: { upstream },
    env: HASHES,
    configure: (config) => {
      withAdministrators(
        config,
        [user("ann", { permissions: ["admin:reports:read|export", "admin:security_reports:read"] })],
        {},
        { authorization: { enabled: true, policy: ["p, none, *, metrics, read"] } },
      )
      config.server["admin_reports"] = { enabled: true, export_markdown: false, path_prefix: "/told" }
    },
  })
  expect((await ask(open, "/told/api/version", { user: "ann" })).status).toBe(200)
  expect(refusal(await ask(open, "/told/api/security/events", { user: "ann" }))).toEqual([
    503,
    "security-reports-disabled",
    null,
  ])
  expect((await ask(open, "/told/export.md", { user: "ann" })).status).toBe(404)
  expect((await ask(open, `${PREFIX}/api/version`, { user: "ann" })).status).toBe(404)
})

describe("the evidence of a call", () => {
  const evidence = async (id: string, name = "ann"): Promise<Answer> =>
    await read(`/api/request-evidence?request_id=${id}`, name)

  test("says which parts are there, which cannot be, and how much is", async () => {
    const value = parsed(await evidence(ids[0] ?? ""))
    expect(at(value, "diagnosticCompleteness")).toBe("partial_expected")
    expect(at(value, "diagnosticCompletenessScore")).toBe(100)
    const parts = at(value, "evidenceSections") as { part: string; state: string }[]
    const states = Object.fromEntries(parts.map(({ part, state }) => [part, state]))
    expect(states).toMatchObject({ usage: "present", attempts: "present", trace: "present" })
    expect(states).toMatchObject({
      translation: "not_applicable",
      decisions: "not_applicable",
      error: "not_applicable",
    })
    expect(at(value, "usage", "request_id")).toBe(ids[0])
    expect(at(value, "attempts")).toHaveLength(1)
  })

  test("is of calls that the administrator sees", async () => {
    expect((await evidence(ids[0] ?? "", "dev")).status).toBe(200)
    for (const [id, name] of [
      [ids[0] ?? "", "prod"],
      [`req_${"0".repeat(32)}`, "ann"],
      ["1' OR '1'='1", "ann"],
    ] as const)
      expect([id, refusal(await evidence(id, name))]).toEqual([id, [404, "not-found", null]])
    expect(refusal(await read("/api/request-evidence"))).toEqual([400, "invalid-report-filter", "request_id"])
  })
})

test("security events are a list that goes on, in every order", async () => {
  for (let count = 0; count < 7; count += 1)
    await get(gateway, `/v1/models?of=${count}`, { token: `rtr_wrong_${count}` })
  for (const name of ["nil", "ann", "dev"]) await read("/api/version", name)
  await eventually("the events are written", async () => {
    const rows = at(parsed(await read("/api/security/events?limit=50")), "tables", 0, "rows") as unknown[]
    return rows.length >= 4 ? true : undefined
  })
  for (const sort of ["timeUtc", "oldest", "status", "outcome&direction=asc", "surface", "reason"]) {
    const seen = new Set<string>()
    let count = 0
    let query = `limit=2&sort=${sort}`
    for (let page = 0; page < 100; page += 1) {
      const value = parsed(await read(`/api/security/events?${query}`))
      const rows = at(value, "tables", 0, "rows") as unknown[][]
      rows.forEach((row) => seen.add(JSON.stringify(row)))
      count += rows.length
      const next = at(value, "pagination", "next_cursor") as string | null
      if (next === null) break
      query = `limit=2&sort=${sort}&cursor=${encodeURIComponent(next)}`
    }
    expect([sort, seen.size === count, count >= 4]).toEqual([sort, true, true])
  }
})

test("what the usage database is like is told", async () => {
  const { steps } = parsed(await read("/api/migrations")) as { steps: { version: number; applied_at: string }[] }
  expect(steps.length).toBeGreaterThan(10)
  expect(steps.every(({ applied_at: when }) => !Number.isNaN(Date.parse(when)))).toBe(true)
  const { classes } = parsed(await read("/api/retention-status")) as { classes: Record<string, unknown>[] }
  expect(classes.find((each) => each["data_class"] === "security_access_events")).toMatchObject({ kept_days: 90 })
  const oldest = String(classes.find((each) => each["data_class"] === "usage_detail")?.["oldest_at"])
  expect(Math.abs(Date.parse(oldest) - Date.now())).toBeLessThan(3_600_000)
})
