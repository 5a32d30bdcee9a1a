/** What the documentation promises of large files. */
import { expect, test } from "bun:test"
import { createHash } from "node:crypto"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { loadApart } from "./load-apart.ts"

const CALLERS = 100_000

function entryOf(number: number): string {
  const hash = createHash("sha256").update(`token ${number}`).digest("hex")
  return `  - id: caller-${number}
    owner_user: me
    project: lab
    environment: dev
    status: active
    allow: [default]
    token_id: rtr_me_lab_dev_k${number}
    token_sha256: ${hash}
    rate: { concurrent: 4, rpm: 100 }
    quota: { day: { tokens: 1000000 } }
`
}

const REST = `providers:
  p: { base_url: "http://127.0.0.1:9/v1", dialect: openai-chat, api_key: k, models: { m1: { model: vendor/m } } }
models:
  default: { strategy: static, targets: [{ provider: p, model_ref: m1 }] }
users:
  - { id: me, name: Me, type: person, status: active }
projects:
  - { id: lab, name: Lab, status: active }
project_memberships:
  - { user_id: me, project: lab, role: owner, status: active }
callers:
`

test("a hundred thousand callers with limits are read, beside calls", async () => {
  const folder = mkdtempSync(join(tmpdir(), "large-config-"))
  const path = join(folder, "config.yaml")
  writeFileSync(path, REST + Array.from({ length: CALLERS }, (_, number) => entryOf(number)).join(""))
  const { config, findings } = await loadApart({ path, env: {} })
  expect(findings.filter(({ severity }) => severity === "error")).toEqual([])
  expect(config?.callers).toHaveLength(CALLERS)
  rmSync(folder, { recursive: true })
}, 600_000)
