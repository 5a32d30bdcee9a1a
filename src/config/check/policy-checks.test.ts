import { describe, expect, test } from "bun:test"
import { errorsOf, KEYS, loadText, SMALLEST } from "../../../test/helpers/load-text.ts"

const SCRIPT = { files: { "/etc/router/route.ts": "export const route = 1" } }

function load(group: string, surroundings: object = {}) {
  const yaml = SMALLEST.replace("    strategy: static\n", group.replace(/^/gm, "    ").trimEnd() + "\n")
  return loadText(yaml, { env: KEYS, ...surroundings })
}

const external = (policy: string): string => `strategy: external\nexternal_policy: { ${policy} }\n`

describe("a script", () => {
  test("is one of the files that a reload watches", () => {
    const { config, files } = load("strategy: script\nscript: route.ts\n", SCRIPT)
    expect(config?.models["default"]?.script).toBe("/etc/router/route.ts")
    expect(files).toContain("/etc/router/route.ts")
  })

  test("that cannot be read is an error at its place", () => {
    const [finding, ...others] = errorsOf(load("strategy: script\nscript: route.ts\n"))
    expect([finding?.code, finding?.path, others]).toEqual(["unreadable-file", "models.default.script", []])
  })

  test("that another strategy would ignore is a warning", () => {
    const { findings } = load("strategy: static\nscript: route.ts\nscript_limits: { deadline_ms: 5 }\n", SCRIPT)
    const unused = findings.filter(({ code }) => code === "unused-key").map(({ path }) => path)
    expect(unused).toEqual(["models.default.script", "models.default.script_limits"])
  })
})

describe("a policy service", () => {
  test("on this machine, or with TLS, and listed, is fine", () => {
    for (const policy of [
      'url: "https://policy.internal/decide", allow_hosts: [policy.internal]',
      'url: "https://POLICY.internal:8443/decide", allow_hosts: ["policy.internal:8443"]',
      'url: "http://localhost:9100/decide", allow_hosts: [localhost]',
      'url: "http://[::1]:9100/decide", allow_hosts: ["::1"]',
      'url: "http://policy.internal/decide", allow_hosts: ["policy.internal:80"], allow_http: true',
    ])
      expect([policy, errorsOf(load(external(policy)))]).toEqual([policy, []])
  })

  test("that is not listed, or has no TLS, would never be called", () => {
    for (const [policy, path] of [
      ['url: "https://policy.internal/decide", allow_hosts: []', "url"],
      ['url: "https://policy.internal/decide", allow_hosts: [internal]', "url"],
      ['url: "https://policy.internal/decide", allow_hosts: ["policy.internal:8443"]', "url"],
      ['url: "http://policy.internal/decide", allow_hosts: [policy.internal]', "url"],
      [
        'url: "https://a.internal/", allow_hosts: [a.internal], feedback: { enabled: true, url: "https://b.internal/" }',
        "feedback.url",
      ],
    ] as const) {
      const paths = errorsOf(load(external(policy))).map((finding) => finding.path)
      expect([policy, paths]).toEqual([policy, [`models.default.external_policy.${path}`]])
    }
  })
  test("that is the shadow already leaves no place for another", () => {
    const policy = 'url: "https://a.internal/", allow_hosts: [a.internal]'
    const other = "shadow: { strategy: weighted }\n"
    const pathsOf = (more: string) => errorsOf(load(external(policy + more) + other)).map(({ path }) => path)
    expect(pathsOf(", mode: shadow")).toEqual(["models.default.shadow"])
    expect(pathsOf("")).toEqual([])
  })
})
