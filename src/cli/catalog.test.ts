/** `catalog` says what is proven beside what is declared, and writes what to declare. */
import { afterAll, beforeAll, expect, test } from "bun:test"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { runHere } from "../../test/helpers/command-line.ts"
import { loadedFrom, recordsFor } from "../../test/helpers/proofs.ts"
import type { Capability } from "../activation/capabilities.ts"
import { openActivationRecords } from "../activation/store.ts"
import { usageAddress } from "../server/retention.ts"
import { systemClock } from "../system/clock.ts"
import { silentLog } from "../system/log.ts"

const folder = mkdtempSync(join(tmpdir(), "smart-router-catalog-"))
const file = join(folder, "config.yaml")
const CONFIG = `# mine
providers:
  p:
    base_url: http://127.0.0.1:1/v1
    dialect: openai-chat
    auth_scheme: none
    models:
      m: # the model
        model: vendor-m
        input_modalities: [text, image] # as told
models:
  g:
    strategy: static
    activation: required
    targets: [{ provider: p, model_ref: m }]
`

beforeAll(async () => {
  writeFileSync(file, CONFIG)
  const { config, snapshot } = loadedFrom({ configPath: file, env: {} })
  const store = await openActivationRecords(usageAddress(config), { clock: systemClock, log: silentLog })
  const proven: readonly Capability[] = ["entitlement", "text", "tools", "forced-tools"]
  await store.write(recordsFor(snapshot, "g", { provider: "p", capabilities: proven }, systemClock.now()))
  const evidence = { requestIds: [], counters: {}, timings: {}, askedHash: null, reason: "the picture was not seen" }
  const failed: readonly Capability[] = ["image", "structured-output"]
  await store.write(
    recordsFor(snapshot, "g", { provider: "p", capabilities: failed, result: "fail", evidence }, systemClock.now()),
  )
  await store.close()
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

interface Said {
  readonly tables: readonly { readonly id: string; readonly rows: readonly (readonly unknown[])[] }[]
  readonly declarations: readonly { readonly place: string; readonly key: string; readonly yaml: string }[]
  readonly diff: string
  readonly written: boolean
}

const DECLARED = [
  { place: "providers.p.models.m", key: "tool_support", yaml: "{ openai_chat: [tools, tool_choice] }" },
  { place: "providers.p.models.m", key: "input_modalities", yaml: "[text]" },
]

test("machines read what is declared, proven, and to be declared", async () => {
  const { code, out } = await runHere(["catalog", "--config", file, "--json"])
  expect(code).toBe(0)
  const said = JSON.parse(out) as Said
  expect(said.declarations).toMatchObject(DECLARED)
  expect(said).toMatchObject({ written: false })
  expect(said.diff).toContain(
    "-        input_modalities: [text, image] # as told\n+        input_modalities: [text] # as told",
  )
  expect(JSON.stringify(said.tables)).toContain("declare that it cannot: the picture was not seen")
  expect(readFileSync(file, "utf8")).toBe(CONFIG)
})

test("people read the same, as tables and as a diff", async () => {
  const { code, out } = await runHere(["catalog", "--config", file])
  expect(code).toBe(0)
  for (const part of [
    "What to declare",
    "+        tool_support: { openai_chat: [tools, tool_choice] }",
    "--write writes it",
  ])
    expect(out).toContain(part)
})

test("what is written keeps comments, and is not to be declared again", async () => {
  expect((await runHere(["catalog", "--config", file, "--write"])).code).toBe(0)
  const text = readFileSync(file, "utf8")
  expect(text).toBe(
    CONFIG.replace(
      "[text, image] # as told\n",
      "[text] # as told\n        tool_support: { openai_chat: [tools, tool_choice] }\n",
    ),
  )
  const again = await runHere(["catalog", "--config", file, "--write"])
  expect([again.code, again.out]).toEqual([0, expect.stringContaining("There is nothing to declare.")])
  // what was proven was proven of another configuration
  expect(again.out).toContain("changed")
  expect(readFileSync(file, "utf8")).toBe(text)
})

test("wrong arguments are told", async () => {
  expect((await runHere(["catalog", "--config", file, "--since", "soon"])).code).toBe(2)
  expect((await runHere(["catalog", "--config", join(folder, "none.yaml")])).code).toBe(1)
})
