import { afterAll, describe, expect, test } from "bun:test"
import { createHash } from "node:crypto"
import {
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { parse } from "yaml"
import { runHere, smartRouter } from "../../../test/helpers/command-line.ts"
import { KEYS, SMALLEST } from "../../../test/helpers/load-text.ts"
import { loadConfig } from "../../config/load.ts"

const folder = mkdtempSync(join(tmpdir(), "smart-router-token-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

let count = 0
function file(yaml: string = SMALLEST): string {
  count += 1
  const path = join(folder, `config-${count}.yaml`)
  writeFileSync(path, yaml)
  return path
}

/** The command's words; `changes` replace what the options have otherwise, or add further ones. */
function words(changes: Readonly<Record<string, string>> = {}): readonly string[] {
  const options = { "owner-user": "me", project: "lab", env: "prod", allow: "default", ...changes }
  return ["token", "create", ...Object.entries(options).flatMap(([name, value]) => [`--${name}`, value])]
}

const create = (...more: readonly string[]) => runHere([...words(), ...more], { env: KEYS })

function tokenIn(out: string): string {
  return /^token: +(\S+)$/m.exec(out)?.[1] ?? ""
}

const hashOf = (token: string) => createHash("sha256").update(token).digest("hex")

describe("token create", () => {
  test("prints the token, its id and an entry to paste", async () => {
    const { code, out } = await smartRouter(words({ key: "k7" }))
    const token = tokenIn(out)
    expect(code).toBe(0)
    expect(token).toMatch(/^rtr_me_lab_prod_k7_[A-Za-z0-9_-]{43}$/)
    expect(out).toContain("token_id: rtr_me_lab_prod_k7\n")
    const entry = out.slice(out.indexOf("  - id:"))
    expect(parse(entry)).toEqual([
      {
        id: "me-lab-prod",
        owner_user: "me",
        project: "lab",
        environment: "prod",
        status: "active",
        token_sha256: hashOf(token),
        token_id: "rtr_me_lab_prod_k7",
        allow: ["default"],
      },
    ])
  })

  test("makes a new secret each time", async () => {
    const one = await create()
    const two = await create()
    expect(tokenIn(one.out)).not.toBe(tokenIn(two.out))
  })

  test("writes only what may stand in a header into the token", async () => {
    const { out } = await runHere(words({ "owner-user": "jörg@example.com", project: "a_b", env: "x", allow: "g" }))
    expect(tokenIn(out)).toMatch(/^rtr_j-rg-example.com_a-b_x_k1_/)
    expect(out).toContain('owner_user: "jörg@example.com"')
  })

  test("names the option that is missing", async () => {
    const { code, err } = await runHere(["token", "create", "--owner-user", "me"])
    expect(code).toBe(2)
    expect(err).toContain("--project")
    expect((await create("--add-missing")).code).toBe(2)
    expect((await create("--id", "a b")).code).toBe(2)
  })
})

test("token create --metrics-admin makes a token that reads metrics and calls nothing, of which check says nothing", async () => {
  const path = file()
  const asked = ["token", "create", "--owner-user", "me", "--project", "lab", "--env", "ops", "--metrics-admin"]
  expect((await runHere([...asked, "--write", path], { env: KEYS })).code).toBe(0)
  const { config, findings } = loadConfig({ path, env: KEYS })
  expect(config?.callers[1]).toMatchObject({ metrics_admin: true, allow: [], environment: "ops" })
  expect(findings.map(({ code }) => code)).not.toContain("nothing-allowed")
})

describe("token create --write", () => {
  test("inserts the caller, keeps the rest byte for byte, and the result loads", async () => {
    const before = `# first\n${SMALLEST}# last\n`
    const path = file(before)
    chmodSync(path, 0o640)
    const { code, out } = await create("--write", path)
    expect(code).toBe(0)
    const after = readFileSync(path, "utf8")
    const [head = "", tail = ""] = before.split(/(?<=\n)(?=# last)/)
    expect(after.startsWith(head)).toBe(true)
    expect(after.endsWith(tail)).toBe(true)
    const { config } = loadConfig({ path, env: KEYS })
    expect(config?.callers[1]).toMatchObject({
      id: "me-lab-prod",
      token_sha256: hashOf(tokenIn(out)),
      allow: ["default"],
    })
    expect(after).not.toContain(tokenIn(out))
    expect(statSync(path).mode & 0o777).toBe(0o640)
    expect(readdirSync(folder).filter((name) => name.endsWith(".tmp"))).toEqual([])
  })

  test("takes the next free key", async () => {
    const path = file()
    await create("--write", path)
    const { out } = await create("--write", path, "--id", "second")
    expect(out).toContain("token_id: rtr_me_lab_prod_k2\n")
  })

  test("follows a link and leaves it a link", async () => {
    const path = file()
    const link = join(folder, "link.yaml")
    symlinkSync(path, link)
    expect((await create("--write", link)).code).toBe(0)
    expect(readFileSync(path, "utf8")).toContain("me-lab-prod")
  })

  test.each([
    ["an unknown user", { "owner-user": "you" }, 'There is no user "you"'],
    ["an unknown project", { project: "moon" }, 'There is no project "moon"'],
    ["an unknown group", { allow: "defalt" }, 'Did you mean "default"?'],
    ["a caller of the same id", { id: "me-lab" }, 'There is already a caller "me-lab"'],
  ])("refuses %s and changes nothing", async (_, change, reason) => {
    const path = file()
    const { code, out, err } = await runHere(words({ ...change, write: path }), { env: KEYS })
    expect([code, out]).toEqual([1, ""])
    expect(err).toContain(reason)
    expect(readFileSync(path, "utf8")).toBe(SMALLEST)
  })

  test("adds what is missing when it is told to", async () => {
    const path = file()
    const args = words({ "owner-user": "you", project: "moon", write: path })
    const { code, out } = await runHere([...args, "--add-missing"], { env: KEYS })
    expect(code).toBe(0)
    expect(out).toContain("users, projects, project_memberships")
    const { config } = loadConfig({ path, env: KEYS })
    expect(config?.callers[1]).toMatchObject({ owner_user: "you", project: "moon" })
    expect(config?.project_memberships[1]).toMatchObject({ user_id: "you", project: "moon", status: "active" })
  })

  test("adds only the membership where the rest is there", async () => {
    const path = file(SMALLEST.replace("projects: [", "projects: [{ id: moon }, "))
    const args = words({ project: "moon", write: path })
    expect((await runHere(args, { env: KEYS })).err).toContain("--add-missing")
    expect((await runHere([...args, "--add-missing"], { env: KEYS })).out).toContain("entries in project_memberships.")
  })

  test("works while the provider's key is not there yet", async () => {
    const path = file()
    expect((await runHere(words({ write: path }))).code).toBe(0)
  })

  test("leaves a file alone that it cannot edit safely", async () => {
    const yaml = SMALLEST.replace("callers:\n", "callers: &all\n")
    const path = file(yaml)
    const { code, err } = await create("--write", path)
    expect(code).toBe(1)
    expect(err).toContain("without --write")
    expect(readFileSync(path, "utf8")).toBe(yaml)
    expect((await create("--write", join(folder, "none.yaml"))).code).toBe(1)
  })
})
