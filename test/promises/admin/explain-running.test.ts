/** `smart-router explain --url`: the running router's answer, as a table or as JSON; passwords stay where they belong. */
import { afterAll, beforeAll, expect, test } from "bun:test"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import type { Explanation } from "../../../src/explain/explanation.ts"
import { cheapPasswords, HASHES, PASSWORD, user, withAdministrators } from "../../helpers/administrators.ts"
import { runHere, smartRouter, type Ended } from "../../helpers/command-line.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import { startGateway, type Gateway } from "../../helpers/gateway.ts"
import { SAMPLES } from "../../helpers/samples.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"

let upstream: FakeUpstream
let gateway: Gateway
let passwords: Disposable
beforeAll(async () => {
  passwords = cheapPasswords()
  upstream = (await FakeUpstream.start()).otherwise(vendorAnswer())
  gateway = await startGateway({
    upstreams: { upstream },
    env: HASHES,
    configure: (config) => withAdministrators(config, [user("ann"), user("nil", { permissions: [] })]),
  })
})
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream.stop()
  passwords[Symbol.dispose]()
})

const ENV = { SMART_ROUTER_ADMIN_PASSWORD: PASSWORD }

async function explain(
  args: readonly string[],
  given: { env?: Record<string, string>; stdin?: string },
): Promise<Ended> {
  const command = ["explain", "--url", gateway.url, ...args]
  return given.stdin === undefined ? runHere(command, given) : smartRouter(command, given)
}

function body(text: string): string {
  const file = join(gateway.directory, "body.json")
  writeFileSync(file, text)
  return file
}

test("a request, decided by the router that runs; the password from the environment or piped in", async () => {
  const file = body(SAMPLES.messages.request())
  const args = ["--user", "ann", "--request", file, "--caller", "me-lab", "--dialect", "anthropic"]
  for (const given of [{ env: ENV }, { stdin: `${PASSWORD}\n` }]) {
    const { code, out } = await explain([...args, "--json"], given)
    expect(code).toBe(0)
    const told = JSON.parse(out) as Explanation
    expect(told).toMatchObject({ source: "dry-run", caller: "me-lab" })
    expect(told.notes[0]).toContain("running router")
  }
  expect((await explain(args, { env: ENV })).out).toMatch(/^1 +upstream-messages\/vendor\/model-1/mu)
})

test("a call that was made", async () => {
  const { requestId } = await gateway.call("chat", SAMPLES.chat.request())
  const { code, out } = await explain(["--user", "ann", "--id", requestId], { env: ENV })
  expect([code, out]).toEqual([0, expect.stringContaining(requestId)])
})

test.each([
  [["--user", "ann", "--id", `req_${"0".repeat(32)}`], ENV, "404: There is no such call."],
  [["--user", "nil", "--id", `req_${"0".repeat(32)}`], ENV, "403: This is not permitted to you."],
  [["--user", "ann", "--id", `req_${"0".repeat(32)}`], { SMART_ROUTER_ADMIN_PASSWORD: "wrong" }, "401: Sign in"],
  [["--user", "ann", "--request", "missing.json", "--caller", "me-lab"], ENV, "missing.json cannot be read"],
])("%p: exit code 1, and what the router says", async (args, env, expected) => {
  const { code, out, err } = await explain(args, { env })
  expect([code, out]).toEqual([1, ""])
  expect(err).toContain(expected)
  expect(err).not.toContain(PASSWORD)
})

test("a router that is not there", async () => {
  const args = ["explain", "--url", "http://127.0.0.1:1", "--user", "ann", "--id", `req_${"0".repeat(32)}`]
  const { code, err } = await runHere(args, { env: ENV })
  expect([code, err]).toEqual([1, expect.stringContaining("gives no answer")])
})

test.each([
  [["--url", "http://router.example", "--user", "ann", "--id", "x"], "https:// for other machines"],
  [["--url", "http://127.0.0.1.example", "--user", "ann", "--id", "x"], "https:// for other machines"],
  [["--url", "ftp://127.0.0.1", "--user", "ann", "--id", "x"], "takes an address"],
  [["--url", "https://ann:secret@router.example", "--user", "ann", "--id", "x"], "takes an address"],
  [["--url", "https://router.example", "--id", "x"], "Who asks?"],
  [["--url", "https://router.example", "--user", "ann", "--id", "x", "--config", "c"], "does not go with --url"],
  [["--url", "https://router.example", "--user", "ann", "--request", "x"], "Whose call is it?"],
  [["--user", "ann", "--id", "x"], "--user goes with --url"],
])("arguments that make no sense: %p", async (args, expected) => {
  const { code, err } = await runHere(["explain", ...args], { env: ENV })
  expect([code, err]).toEqual([2, expect.stringContaining(expected)])
  expect(err).not.toContain("secret")
})
