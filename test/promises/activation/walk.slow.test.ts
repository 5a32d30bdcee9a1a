/** The walk of docs/activation.md, step by step, as a reader copies it: from an empty catalogue to an active group. */
import { afterAll, beforeAll, expect, test } from "bun:test"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type Ended, smartRouter } from "../../helpers/command-line.ts"
import { MODEL, MODEL_KEY, type ModelServer, startModelServer } from "../../helpers/model-server.ts"
import { spawnRouter } from "../../helpers/router-process.ts"
import { snippetOf } from "../../helpers/snippets.ts"

const FILE = "docs/activation.md"
const SECTION = "A walk of ten minutes"
const folder = mkdtempSync(join(tmpdir(), "smart-router-walk-"))
const configPath = join(folder, "config.yaml")
const env = { LAB_KEY: MODEL_KEY }
let upstream: ModelServer

beforeAll(() => {
  upstream = startModelServer()
  const yaml = snippetOf(FILE, SECTION, "yaml")
  expect(yaml).toContain("http://10.0.0.7:8000/v1")
  writeFileSync(
    configPath,
    yaml.replace("http://10.0.0.7:8000/v1", `${upstream.url}/v1`).replace("127.0.0.1:8080", "127.0.0.1:0"),
  )
})
afterAll(() => {
  upstream[Symbol.dispose]()
  rmSync(folder, { recursive: true, force: true })
})

/** The commands of one step, each with what it is expected to end with. */
async function step(index: number, ...codes: readonly number[]): Promise<readonly Ended[]> {
  const lines = snippetOf(FILE, SECTION, "sh", index).trim().split("\n")
  expect(lines).toHaveLength(codes.length)
  const ended: Ended[] = []
  for (const [at, line] of lines.entries()) {
    const [program, ...words] = line.replace("Qwen/*", "vendor/*").split(" ")
    expect(program).toBe("smart-router")
    const one = await smartRouter(
      words.map((word) => word.replaceAll("'", "")),
      { cwd: folder, env },
    )
    expect({ line, code: one.code, said: one.code === codes[at] ? "" : one.out + one.err }).toEqual({
      line,
      code: codes[at] ?? -1,
      said: "",
    })
    ended.push(one)
  }
  return ended
}

test("each step does what it says, and the group serves in the end", async () => {
  const [shown] = await step(0, 0, 0)
  expect(shown?.out).toContain(`+        model: ${MODEL}`)
  // nothing is proven; the model does not reason
  const [unproven, first] = await step(1, 1, 1)
  expect(unproven?.out).toContain("No target of this group is proven")
  expect(first?.out).toContain("1 failed, 0 undecided")
  const [, written, second] = await step(2, 0, 0, 0)
  expect(written?.out).toContain("tool_support: { openai_chat: [tools, tool_choice, structured_outputs] }")
  expect(second?.out).toContain(" 0 failed, 0 undecided")
  const [created, checked] = await step(3, 0, 0)
  expect(checked?.out).toContain("It answers and takes the key. It lists the models of its targets.")
  const token = /^token: +(\S+)$/m.exec(created?.out ?? "")?.[1] ?? ""
  expect(snippetOf(FILE, SECTION, "sh", 4).trim()).toBe("smart-router serve --config config.yaml --strict")
  await using router = await spawnRouter({
    directory: folder,
    configPath,
    env,
    token,
    secrets: [],
    rewrite: () => {},
    remove: () => {},
  })
  const answer = await fetch(`${router.url}/v1/chat/completions`, {
    method: "POST",
    headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
    body: JSON.stringify({ model: "assistant", messages: [{ role: "user", content: "Hello" }] }),
  })
  expect([answer.status, await answer.text()]).toEqual([200, expect.stringContaining("choices")])
}, 600_000)
