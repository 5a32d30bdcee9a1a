/** Records move from staging to production, signed; without proofs `--strict` refuses, and `explain` says why. */
import { afterAll, expect, test } from "bun:test"
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { runHere, smartRouter } from "../../test/helpers/command-line.ts"
import { prepare, type Config, type Prepared } from "../../test/helpers/config.ts"
import { prove } from "../../test/helpers/proofs.ts"
import { systemClock } from "../system/clock.ts"

const UPSTREAM = { url: "http://127.0.0.1:9" }
const made: Prepared[] = []

function deployment(more: (config: Config) => void = () => {}): Prepared {
  const prepared = prepare({
    upstreams: { upstream: UPSTREAM },
    configure: (config) => {
      config.providers = { "upstream-chat": config.providers["upstream-chat"]! }
      const targets = [{ provider: "upstream-chat", model_ref: "m1" }]
      config.models = { fast: { strategy: "static", activation: "required", targets } }
      config.callers = config.callers.map((caller) => ({ ...caller, allow: ["fast"] }))
      more(config)
    },
  })
  made.push(prepared)
  return prepared
}
afterAll(() => {
  for (const prepared of made) prepared.remove()
})

const run = (of: Prepared, ...args: readonly string[]) => runHere([...args, "--config", of.configPath], { env: of.env })

async function explained(of: Prepared): Promise<string> {
  const body = join(of.directory, "body.json")
  writeFileSync(body, JSON.stringify({ model: "fast", messages: [{ role: "user", content: "hi" }] }))
  const { out } = await run(of, "explain", "--request", body, "--caller", "me-lab")
  return out
}

test("a staging run activates production, where production trusts its key", async () => {
  const staging = deployment()
  const key = join(staging.directory, "staging.pem")
  const file = join(staging.directory, "records.json")
  const { out } = await smartRouter(["activation", "key", "--out", key])
  expect(statSync(key).mode & 0o777).toBe(0o600)
  const trust = out.trim()
  await prove(staging, "fast", [{ provider: "upstream-chat" }], systemClock)
  expect(await run(staging, "activation", "export", "--key", key, "--out", file)).toMatchObject({ code: 0 })
  expect(readFileSync(file, "utf8")).not.toContain("127.0.0.1")

  const wary = deployment()
  const refused = await run(wary, "activation", "import", file)
  expect(refused).toMatchObject({ code: 1, err: expect.stringContaining("activation.trust") as string })
  expect(existsSync(join(wary.directory, "state/usage.sqlite"))).toBe(false)

  const trusting = deployment((config) => {
    config.models["fast"]!["activation"] = { trust: [trust] }
  })
  expect(await explained(trusting)).toContain("activation-missing-entitlement")
  const first = await run(trusting, "activation", "import", file, "--json")
  expect(JSON.parse(first.out)).toEqual({ in_file: 3, of_trusting_groups: 3, added: 3 })
  const again = await run(trusting, "activation", "import", file, "--json")
  expect(JSON.parse(again.out)).toEqual({ in_file: 3, of_trusting_groups: 3, added: 0 })
  expect(await explained(trusting)).not.toContain("activation-")
  // what was imported is not passed on
  expect((await run(trusting, "activation", "export", "--key", key)).out).toContain('"records":"[]"')

  // the operator takes the trust away: the records count no more
  trusting.rewrite((config) => {
    config.models["fast"]!["activation"] = "required"
  })
  expect(await explained(trusting)).toContain("activation-missing-entitlement")
})

test("check and serve say that no target is proven, and fail where they are asked to", async () => {
  const unproven = deployment()
  const checked = await run(unproven, "check")
  expect(checked).toMatchObject({
    code: 0,
    out: expect.stringContaining("No target of this group is proven") as string,
  })
  expect((await run(unproven, "check", "--strict")).code).toBe(1)
  const served = await smartRouter(["serve", "--strict", "--config", unproven.configPath], { env: unproven.env })
  expect(served).toMatchObject({
    code: 1,
    err: expect.stringContaining("no target is proven of the model groups fast") as string,
  })
  await prove(unproven, "fast", [{ provider: "upstream-chat" }], systemClock)
  expect((await run(unproven, "check", "--strict")).code).toBe(0)
})

test("arguments that make no sense are named", async () => {
  const one = deployment()
  expect((await run(one, "activation", "import")).code).toBe(2)
  expect((await run(one, "activation", "export")).code).toBe(2)
  expect((await run(one, "activation", "key")).code).toBe(2)
  expect((await run(one, "activation", "dance")).code).toBe(2)
  expect((await run(one, "activation", "import", join(one.directory, "absent"))).code).toBe(1)
})
