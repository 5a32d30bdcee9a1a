import { describe, expect, test } from "bun:test"
import { FULLER, FULLER_ENV, KEYS, loadText, SMALLEST } from "../../../test/helpers/load-text.ts"

const SECRET = "very-secret-value-93"

describe("the secrets to be masked", () => {
  test("are keys, addresses with passwords and the passwords in them", () => {
    const { secrets } = loadText(FULLER, { env: FULLER_ENV })
    expect(secrets).toEqual(
      expect.arrayContaining([
        "ak-test-0123456789",
        "http://user:p%40ssw0rd@127.0.0.1:3128",
        "p%40ssw0rd",
        "p@ssw0rd",
        "dsn-password",
        "redis-password",
      ]),
    )
  })

  test("do not contain harmless literals and hashes", () => {
    const { secrets } = loadText(FULLER, { env: FULLER_ENV })
    expect(
      secrets.filter((secret) => ["router", "2026-05-01"].includes(secret) || /^[a-f0-9]{64}$/i.test(secret)),
    ).toEqual([])
  })

  test("are header values that came in through a reference, or whose name tells", () => {
    const yaml = SMALLEST.replace(
      "    models:\n      mini",
      '    headers: { X-Team: "${TEAM}", X-Tenant-Token: literal-token, X-Title: harmless }\n    models:\n      mini',
    )
    const { secrets } = loadText(yaml, { env: { ...KEYS, TEAM: SECRET } })
    expect(secrets).toContain(SECRET)
    expect(secrets).toContain("literal-token")
    expect(secrets).not.toContain("harmless")
  })

  test("contain a key that is written into the file", () => {
    const yaml = SMALLEST.replace("${OPENAI_API_KEY}", "sk-literal-1234")
    expect(loadText(yaml).secrets).toEqual(["sk-literal-1234"])
  })

  test("are known even when the configuration is refused", () => {
    const yaml = SMALLEST.replace("strategy: static", "strategy: statik")
    const result = loadText(yaml, { env: KEYS })
    expect(result.config).toBeNull()
    expect(result.secrets).toEqual(["sk-test-0123456789"])
  })
})

describe("a finding quotes no secret", () => {
  const faults: readonly (readonly [string, string])[] = [
    ["a key of the wrong form", SMALLEST.replace("${OPENAI_API_KEY}", `[${SECRET}]`)],
    ["an address that is none", SMALLEST.replace("https://api.openai.com/v1", `https://user:${SECRET}@host/`)],
    ["a hash that is none", SMALLEST.replace(/token_sha256: \w+/, `token_sha256: ${SECRET}`)],
    ["a choice that came from the environment", SMALLEST.replace("strategy: static", "strategy: ${SECRET}")],
    ["an address that came from the environment", SMALLEST.replace("https://api.openai.com/v1", "${SECRET}")],
    ["a proxy that is none", SMALLEST.replace("    models:\n", `    proxy: "ftp://${SECRET}"\n    models:\n`)],
    [
      "a header with a line break",
      SMALLEST.replace("    models:\n", `    headers: { A: "${SECRET}\\n" }\n    models:\n`),
    ],
    ["a broken quote", SMALLEST.replace("${OPENAI_API_KEY}", `"${SECRET}`)],
    ["a broken escape", SMALLEST.replace("${OPENAI_API_KEY}", `"${SECRET}\\q"`)],
    ["a tag that is not known", SMALLEST.replace("${OPENAI_API_KEY}", `!vault ${SECRET}`)],
    [
      "a key pasted in place of a name",
      SMALLEST.replace("    models:\n", `    ${SECRET.padEnd(80, "x")}: 3\n    models:\n`),
    ],
  ]
  for (const [name, yaml] of faults) {
    test(`in ${name}`, () => {
      const result = loadText(yaml, { env: { ...KEYS, SECRET } })
      expect(result.findings.some(({ severity }) => severity === "error")).toBe(true)
      expect(JSON.stringify(result.findings)).not.toContain(SECRET)
    })
  }
})

describe("env.json", () => {
  test("gives what the environment does not; the environment wins", () => {
    const files = { "env.json": JSON.stringify({ OPENAI_API_KEY: "from-file-0" }) }
    expect(loadText(SMALLEST, { files }).config?.providers["openai"]?.api_key).toBe("from-file-0")
    expect(loadText(SMALLEST, { files, env: KEYS }).config?.providers["openai"]?.api_key).toBe("sk-test-0123456789")
  })

  test("counts where the environment's value is empty", () => {
    const files = { "env.json": JSON.stringify({ OPENAI_API_KEY: "from-file-0" }) }
    expect(loadText(SMALLEST, { files, env: { OPENAI_API_KEY: "" } }).config?.providers["openai"]?.api_key).toBe(
      "from-file-0",
    )
  })

  test("is refused without a quote when it is no flat object of texts", () => {
    for (const text of [`{"A": {"B": "${SECRET}"}}`, `["${SECRET}"]`, `{"A": "${SECRET}"`, "3"]) {
      const { findings, config } = loadText(SMALLEST, { files: { "env.json": text }, env: KEYS })
      expect(findings.filter(({ severity }) => severity === "error").map(({ code }) => code)).toEqual([
        "unreadable-file",
      ])
      expect(JSON.stringify(findings)).not.toContain(SECRET)
      expect(config).toBeNull()
    }
  })

  test("has no names that reach into objects", () => {
    const yaml = SMALLEST.replace("${OPENAI_API_KEY}", "${toString}")
    expect(loadText(yaml, { files: { "env.json": "{}" } }).findings[0]?.code).toBe("missing-variable")
  })
})

describe("a reference", () => {
  test("gives a file's text without the line break at its end", () => {
    const yaml = SMALLEST.replace("${OPENAI_API_KEY}", "${file:/run/secrets/openai}")
    const result = loadText(yaml, { files: { "/run/secrets/openai": "sk-from-file\n" } })
    expect(result.config?.providers["openai"]?.api_key).toBe("sk-from-file")
    expect(result.secrets).toEqual(["sk-from-file"])
    expect(result.files).toContain("/run/secrets/openai")
  })

  test("may stand beside others in one text, and beside the characters themselves", () => {
    const yaml = SMALLEST.replace("gpt-5-mini", () => '"${A}-${B}-$${A}"')
    const { config } = loadText(yaml, { env: { ...KEYS, A: "x", B: "y" } })
    expect(config?.providers["openai"]?.models["mini"]?.model).toBe("x-y-${A}")
  })

  test("is not expanded again in what it brought in", () => {
    const { config } = loadText(SMALLEST, { env: { OPENAI_API_KEY: "${PATH}" } })
    expect(config?.providers["openai"]?.api_key).toBe("${PATH}")
  })

  test("may bring numbers and truth values from the environment", () => {
    const yaml = SMALLEST.replace(
      "  listen:",
      '  upstream: { timeout_ms: "${WORKERS}" }\n  watch_config: ${WATCH}\n  listen:',
    )
    const { config } = loadText(yaml, { env: { ...KEYS, WORKERS: "3", WATCH: "true" } })
    expect(config?.server).toMatchObject({ upstream: { timeout_ms: 3 }, watch_config: true })
  })
})
