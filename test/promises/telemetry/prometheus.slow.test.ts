/**
 * A real Prometheus scrapes a real router: promtool accepts every family and rule, the rules' own tests pass, and every query
 * of the dashboard is answered, with figures. Without Debian's `prometheus` the tests are skipped, and say so.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import path from "node:path"
import { reply } from "../../helpers/behaviours.ts"
import { tied } from "../../helpers/children.ts"
import { eventually, get } from "../../helpers/client.ts"
import { callerEntry, newToken } from "../../helpers/config.ts"
import { ALL_PARTS, capturing, CONTENT_ENV } from "../../helpers/content.ts"
import { closedPort, FakeUpstream } from "../../helpers/fake-upstream.ts"
import { type RouterProcess, spawnRouter } from "../../helpers/router-process.ts"
import { SAMPLES } from "../../helpers/samples.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"

const PROMETHEUS = Bun.which("prometheus")
const PROMTOOL = Bun.which("promtool")
const MISSING = PROMETHEUS === null || PROMTOOL === null ? "Debian's package prometheus is not installed" : null
const FOLDER = path.resolve(import.meta.dir, "../../../observability")
const PATIENCE_MS = 60_000

interface Panel {
  readonly type: string
  readonly title: string
  readonly targets?: readonly { readonly expr: string }[]
}

const DASHBOARD = JSON.parse(readFileSync(path.join(FOLDER, "grafana/smart-router.json"), "utf8")) as {
  readonly panels: readonly Panel[]
}
/** Of what never happens here. */
const EMPTY = new Set(["Private engines", "Retention, rows that are due"])

const QUERIES = DASHBOARD.panels.flatMap(({ title, targets = [] }) =>
  targets.map(({ expr }) => ({
    title,
    expr: expr.replaceAll("$job", "smart-router").replaceAll("$instance", ".*").replaceAll("$__rate_interval", "1m"),
  })),
)

async function promtool(
  words: readonly string[],
  input = "",
): Promise<{ readonly code: number; readonly text: string }> {
  const child = Bun.spawn([PROMTOOL ?? "", ...words], {
    cwd: path.join(FOLDER, "prometheus"),
    stdin: new Blob([input]),
    stdout: "pipe",
    stderr: "pipe",
  })
  const [out, err, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited])
  return { code, text: out + err }
}

describe.skipIf(MISSING !== null)(`Prometheus${MISSING === null ? "" : `: ${MISSING}`}`, () => {
  const limited = newToken("limited")
  const directory = mkdtempSync(path.join(tmpdir(), "prometheus-"))
  let upstream: FakeUpstream
  let router: RouterProcess
  let url = ""
  let prometheus: Bun.Subprocess

  async function query(expr: string): Promise<readonly { readonly value: readonly [number, string] }[]> {
    const answer = await fetch(`${url}/api/v1/query?query=${encodeURIComponent(expr)}`)
    const body = (await answer.json()) as { status: string; error?: string; data: { result: never[] } }
    if (body.status !== "success") throw new Error(`${expr}: ${body.error}`)
    return body.data.result
  }

  /** Calls of all kinds: whole, streamed, failed, refused, cached. */
  async function calls(): Promise<void> {
    for (const stream of [true, false]) await router.call("chat", SAMPLES.chat.request({ stream }))
    await router.call("chat", SAMPLES.chat.request({ text: "no luck" }))
    await router.call("chat", SAMPLES.chat.request(), { token: limited })
    await router.call("chat", SAMPLES.chat.request({ model: "unpriced" }))
    await router.call("messages", SAMPLES.messages.request({ stream: true }))
  }

  beforeAll(async () => {
    upstream = (await FakeUpstream.start()).otherwise(vendorAnswer())
    upstream.plan("no luck", reply(SAMPLES.chat.errorBody("no"), { status: 500 }))
    router = await spawnRouter({
      upstreams: { upstream, second: upstream },
      env: CONTENT_ENV,
      configure: (config) => {
        capturing(config, ALL_PARTS)
        config.server["cache"] = { enabled: true }
        config.server["telemetry"] = { otlp: { endpoint: `http://127.0.0.1:9`, logs: { enabled: true } } }
        config.models["default"] = { ...config.models["default"], cache: {} }
        config.models["unpriced"] = { strategy: "static", targets: [{ provider: "upstream-chat", model: "unpriced" }] }
        config.callers[0] = {
          ...config.callers[0],
          allow: ["default", "unpriced"],
          metrics_admin: true,
          quota: { day: { tokens: 1_000_000 } },
        }
        config.callers.push(callerEntry("limited", limited, ["default"], { quota: { day: { requests: 1 } } }))
      },
    })
    const port = await closedPort()
    url = `http://127.0.0.1:${port}`
    writeFileSync(path.join(directory, "token"), router.token, { mode: 0o600 })
    const rules = ["rules.yaml", "alerts.yaml"].map((name) => path.join(FOLDER, "prometheus", name))
    const config = {
      global: { scrape_interval: "1s", evaluation_interval: "1s" },
      rule_files: rules,
      scrape_configs: [
        {
          job_name: "smart-router",
          authorization: { credentials_file: path.join(directory, "token") },
          static_configs: [{ targets: [new URL(router.url).host] }],
        },
      ],
    }
    writeFileSync(path.join(directory, "prometheus.yml"), JSON.stringify(config))
    prometheus = Bun.spawn(
      tied([
        PROMETHEUS ?? "",
        `--config.file=${directory}/prometheus.yml`,
        `--storage.tsdb.path=${directory}/data`,
        `--web.listen-address=127.0.0.1:${port}`,
      ]),
      { stdout: "ignore", stderr: Bun.file(path.join(directory, "prometheus.log")) },
    )
    const until = performance.now() + PATIENCE_MS
    const isUp = async (): Promise<boolean> => {
      await calls()
      const up = await query('count_over_time(up{job="smart-router"}[5m])').catch(() => [])
      return Number(up[0]?.value[1] ?? 0) >= 5
    }
    while (!(await isUp())) {
      if (performance.now() > until) throw new Error(readFileSync(path.join(directory, "prometheus.log"), "utf8"))
      await Bun.sleep(500)
    }
  }, 2 * PATIENCE_MS)

  afterAll(async () => {
    prometheus.kill()
    await prometheus.exited
    await router[Symbol.asyncDispose]()
    await upstream.stop()
    rmSync(directory, { recursive: true, force: true })
  })

  test("promtool finds no fault in a scrape", async () => {
    const { text } = await get(router, "/metrics")
    const { code, text: said } = await promtool(["check", "metrics"], text)
    // its advice is about names of OpenTelemetry and of Prometheus' own clients
    const faults = said.split("\n").filter((line) => line !== "" && !/^gen_ai_|^process_/.test(line))
    expect(faults).toEqual([])
    expect([0, 3]).toContain(code)
  })

  test("the rules are well, and their tests pass", async () => {
    for (const words of [
      ["check", "rules", "rules.yaml", "alerts.yaml"],
      ["test", "rules", "tests.yaml"],
    ]) {
      const { code, text } = await promtool(words)
      expect({ words, code, text: code === 0 ? "" : text }).toEqual({ words, code: 0, text: "" })
    }
  })

  test(
    "every query of the dashboard is answered, with figures",
    async () => {
      expect(QUERIES.length).toBeGreaterThan(40)
      const until = performance.now() + PATIENCE_MS
      for (;;) {
        await calls()
        const empty: string[] = []
        for (const { title, expr } of QUERIES)
          if ((await query(expr)).length === 0 && !EMPTY.has(title)) empty.push(`${title}: ${expr}`)
        if (empty.length === 0) break
        if (performance.now() > until) expect(empty).toEqual([])
        await Bun.sleep(1000)
      }
    },
    2 * PATIENCE_MS,
  )

  // they are evaluated every 30 s
  test(
    "recording rules have figures",
    async () => {
      for (const name of [
        "group:smart_router_requests:rate5m",
        "provider:smart_router_attempts:rate5m",
        "smart_router_overhead_seconds:p99_5m",
        "id:smart_router_limit_taken:ratio",
      ])
        expect(await eventually(name, async () => (await query(name))[0])).toHaveProperty("value")
    },
    2 * PATIENCE_MS,
  )
})
