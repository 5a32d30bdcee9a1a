import { describe, expect, test } from "bun:test"
import { errorsOf, KEYS, loadText, SMALLEST } from "../../../test/helpers/load-text.ts"

const at = (yaml: string): readonly string[] =>
  errorsOf(loadText(yaml, { env: KEYS })).map(({ path, code }) => `${path} ${code}`)

const server = (keys: string): string => SMALLEST.replace("  listen: 127.0.0.1:8080\n", keys)

describe("one pass reports what must hold between keys", () => {
  test("of the server block, also where other keys are wrong", () => {
    const broken = [
      "  listen: 127.0.0.1:70000",
      "  workers: 2",
      "  usage_db: { driver: postgres }",
      "  admin_reports: { enabled: true }",
    ]
    const found = [
      "server.listen invalid-value",
      "server.workers invalid-value",
      "server.usage_db.dsn invalid-value",
      "server.admin_reports.enabled invalid-value",
    ]
    expect(at(server(`${broken.join("\n")}\n`)).toSorted()).toEqual(found.toSorted())
    const others = [
      "  request: { max_depth: many }",
      "  breaker: { window: 3 fortnights }",
      "  cors: { allow_origins: [1.5] }",
    ]
    expect(at(server(`${[...others, ...broken].join("\n")}\n`)).toSorted()).toEqual(
      [
        ...found,
        "server.request.max_depth wrong-type",
        "server.breaker.window invalid-value",
        "server.cors.allow_origins[0] invalid-value",
      ].toSorted(),
    )
  })

  test("of a block whose other keys are wrong, where the part that the rule reads is right", () => {
    expect(at(server("  state: { driver: redis, on_unavailable: perhaps }\n"))).toEqual([
      "server.state.url invalid-value",
      "server.state.on_unavailable invalid-value",
    ])
    expect(at(server("  listen: ':70000'\n  admin_auth: { basic: 5 }\n"))).toEqual([
      "server.listen invalid-value",
      "server.admin_auth.basic wrong-type",
    ])
  })

  test("of providers, targets and groups", () => {
    const yaml = SMALLEST.replace("    dialect: openai-chat\n", "    dialect: klingon\n    headers: { Host: x }\n")
      .replace("{ provider: openai, model_ref: mini }", "{ provider: openai, weight: heavy }")
      .replace("strategy: static", "strategy: script\n    aliases: none")
    expect(at(yaml).toSorted()).toEqual(
      [
        "providers.openai.dialect invalid-value",
        "providers.openai.headers.Host invalid-value",
        "models.default.targets[0] invalid-value",
        "models.default.targets[0].weight wrong-type",
        "models.default.strategy invalid-value",
        "models.default.aliases wrong-type",
      ].toSorted(),
    )
  })

  test("except of keys that it cannot read", () => {
    expect(at(server("  listen: [80]\n  state: { driver: rediss }\n  workers: 2\n"))).toEqual([
      "server.listen wrong-type",
      "server.state.driver invalid-value",
    ])
    expect(at(server("  usage_db: { driver: postgres, dsn: [1] }\n"))).toEqual(["server.usage_db.dsn wrong-type"])
    expect(at(server("  admin_reports: 5\n"))).toEqual(["server.admin_reports wrong-type"])
  })

  test("except of keys that a variable without a value leaves open", () => {
    const found = errorsOf(
      loadText(server('  request: { max_depth: many }\n  usage_db: { driver: postgres, dsn: "${NO_DSN}" }\n'), {
        env: KEYS,
      }),
    )
    expect(found.map(({ code, path }) => `${path} ${code}`)).toEqual([
      "server.request.max_depth wrong-type",
      "server.usage_db.dsn missing-variable",
    ])
  })
})
