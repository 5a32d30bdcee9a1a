import { afterAll, describe, expect, test } from "bun:test"
import { spawnSync } from "node:child_process"
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { prepare } from "../../../test/helpers/config.ts"
import { loadConfig } from "../load.ts"
import { readRegularFile } from "./regular-file.ts"

const folder = mkdtempSync(join(tmpdir(), "router-test-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const at = (name: string): string => join(folder, name)
spawnSync("mkfifo", [at("pipe")])
mkdirSync(at("folder"))
writeFileSync(at("file"), "a value\n")
symlinkSync(at("file"), at("link"))
symlinkSync(at("pipe"), at("link-to-pipe"))

const NOT_REGULAR = ["pipe", "link-to-pipe", "socket", "/dev/zero", "/dev/null"]

async function withSocket<Result>(work: () => Result): Promise<Result> {
  const server = createServer().listen(at("socket"))
  await new Promise((resolve) => server.once("listening", resolve))
  try {
    return work()
  } finally {
    server.close()
  }
}

describe("files that an operator names", () => {
  test("are read whatever their size says, through links as well", () => {
    expect(readRegularFile(at("file"), 100).toString()).toBe("a value\n")
    expect(readRegularFile(at("link"), 8).toString()).toBe("a value\n")
    expect(readRegularFile("/proc/self/status", 1 << 20).toString()).toContain("Pid:")
    expect(() => readRegularFile(at("absent"), 100)).toThrow("ENOENT")
  })

  test("are bounded", () => {
    expect(() => readRegularFile(at("file"), 7)).toThrow("it is larger than")
    expect(() => readRegularFile("/proc/self/status", 100)).toThrow("it is larger than")
  })

  test("are no pipes, sockets, devices or folders", async () => {
    await withSocket(() => {
      for (const name of NOT_REGULAR)
        expect(() => readRegularFile(name.startsWith("/") ? name : at(name), 1 << 20)).toThrow("it is no regular file")
    })
    expect(() => readRegularFile(at("folder"), 100)).toThrow("it is a directory")
  })
})

/** Every key of the configuration that names a file. */
const KEYS: readonly (readonly [name: string, put: (config: Parameters<Change>[0], file: string) => void])[] = [
  ["${file:…}", (config, file) => provider(config, { api_key: `\${file:${file}}` })],
  ["a provider's ca_file", (config, file) => provider(config, { tls: { ca_file: file } })],
  ["a provider's cert_file", (config, file) => provider(config, { tls: { cert_file: file, key_file: file } })],
  ["a script", (config, file) => Object.assign(config.models["default"] ?? {}, { strategy: "script", script: file })],
  [
    "the TLS files of the shared state",
    (config, file) =>
      (config.server["state"] = { driver: "redis", url: "rediss://127.0.0.1:1", tls: { ca_file: file } }),
  ],
  [
    "the TLS files of the usage database",
    (config, file) =>
      (config.server["usage_db"] = {
        driver: "postgres",
        dsn: `postgres://u:p@127.0.0.1/db?sslmode=verify-full&sslrootcert=${file}`,
      }),
  ],
  [
    "the file of policies",
    (config, file) => (config.server["admin_auth"] = { authorization: { enabled: true, policy_file: file } }),
  ],
]

type Change = NonNullable<Parameters<typeof prepare>[0]["configure"]>

function provider(config: Parameters<Change>[0], more: object): void {
  for (const one of Object.values(config.providers)) Object.assign(one, more)
}

describe.each(KEYS)("a configuration is refused with the reason where %s is", (_key, put) => {
  test.each([
    ["a pipe", "pipe", "it is no regular file"],
    ["a device", "/dev/zero", "it is no regular file"],
    ["a folder", "folder", "it is a directory"],
  ])("%s", (_kind, name, reason) => {
    const prepared = prepare({
      upstreams: { upstream: { url: "https://127.0.0.1:1" } },
      configure: (config) => put(config, name.startsWith("/") ? name : at(name)),
    })
    const { findings } = loadConfig({ path: prepared.configPath, env: prepared.env })
    prepared.remove()
    const found = findings.filter(({ code, severity }) => code === "unreadable-file" && severity === "error")
    expect(found.length).toBeGreaterThan(0)
    expect(found.every(({ message }) => message.includes(reason))).toBeTrue()
  })
})

test.each(["pipe", "folder"])("the configuration itself and env.json may be no %s", (name) => {
  const { config, findings } = loadConfig({ path: at(name), env: {} })
  expect(config).toBeNull()
  expect(findings[0]?.message).toContain(name === "pipe" ? "it is no regular file" : "it is a directory")
  const prepared = prepare({ upstreams: { upstream: { url: "https://127.0.0.1:1" } } })
  symlinkSync(at(name), join(prepared.directory, "env.json"))
  const { findings: others } = loadConfig({ path: prepared.configPath, env: prepared.env })
  prepared.remove()
  expect(others.map(({ message }) => message).join()).toContain(
    "env.json beside the configuration cannot be used: it is",
  )
})
