/**
 * A real llama.cpp with a tiny model that speaks at random: it passes what the server does, and fails what needs a model that
 * reads. `SMART_ROUTER_ENGINES` names the folder whose `run.sh PORT tool` starts it and prints `listening`.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import path from "node:path"
import { closedPort } from "../../helpers/fake-upstream.ts"
import { tied } from "../../helpers/children.ts"
import { smartRouter } from "../../helpers/command-line.ts"

const FOLDER = process.env["SMART_ROUTER_ENGINES"] ?? ""
const MISSING = FOLDER === "" || !existsSync(path.join(FOLDER, "run.sh"))
/** The first start installs the engine. */
const START_WITHIN_MS = 900_000
const PATIENCE_MS = 300_000

const OF_SERVER = ["entitlement", "streaming", "errors"]
const OF_MODEL = ["text", "tools", "parallel-tools", "structured-output"]

interface Told {
  readonly targets: readonly {
    readonly checks: readonly { readonly capability: string; readonly way: string; readonly outcome: string }[]
  }[]
}

describe.skipIf(MISSING)(
  `validate against a real engine${MISSING ? " (SMART_ROUTER_ENGINES names no folder with run.sh)" : ""}`,
  () => {
    const folder = mkdtempSync(path.join(tmpdir(), "router-test-"))
    let engine: Bun.Subprocess<"ignore", "pipe", "ignore"> | undefined

    beforeAll(async () => {
      const port = await closedPort()
      engine = Bun.spawn(tied([path.join(FOLDER, "run.sh"), String(port), "tool"]), {
        stdin: "ignore",
        stdout: "pipe",
        stderr: "ignore",
      })
      await said(engine.stdout, "listening")
      writeFileSync(path.join(folder, "config.yaml"), JSON.stringify(configFor(port)))
    }, START_WITHIN_MS)

    afterAll(() => {
      engine?.kill()
      rmSync(folder, { recursive: true })
    })

    test(
      "it passes what the server does, and fails what the model cannot",
      async () => {
        const args = ["validate", "--config", path.join(folder, "config.yaml"), "--json", "--client", "openai-chat"]
        const { code, out } = await smartRouter(args)
        expect(code).toBe(1)
        const [target] = (JSON.parse(out) as Told).targets
        const named = (outcome: string, way: string): readonly string[] =>
          (target?.checks ?? [])
            .filter((one) => one.way === way && one.outcome === outcome)
            .map((one) => one.capability)
        for (const way of ["direct", "router"]) expect(named("pass", way)).toEqual(expect.arrayContaining(OF_SERVER))
        expect(named("fail", "direct")).toEqual(expect.arrayContaining(OF_MODEL))
        expect(named("pass", "direct").filter((name) => OF_MODEL.includes(name))).toEqual([])
      },
      PATIENCE_MS,
    )
  },
)

function configFor(port: number): object {
  const model = { model: "bi-tool", tool_support: { openai_chat: ["tools", "tool_choice", "structured_outputs"] } }
  const base_url = `http://127.0.0.1:${port}/v1`
  return {
    server: { listen: "127.0.0.1:0" },
    providers: {
      llama: { base_url, dialect: "openai-chat", auth_scheme: "none", engine: "llama.cpp", models: { tiny: model } },
    },
    models: { default: { strategy: "static", targets: [{ provider: "llama", model_ref: "tiny" }] } },
    users: [{ id: "me", name: "Me", type: "person", status: "active" }],
    projects: [{ id: "lab", name: "Lab", status: "active" }],
    project_memberships: [{ user_id: "me", project: "lab", role: "owner", status: "active" }],
    callers: [],
  }
}

/** Resolves when the text was written. Rejects when the output ends without it. */
async function said(output: ReadableStream<Uint8Array>, text: string): Promise<void> {
  const decoder = new TextDecoder()
  let all = ""
  for await (const piece of output) {
    all += decoder.decode(piece, { stream: true })
    if (all.includes(text)) return
  }
  throw new Error(`the engine ended without ${text}`)
}
