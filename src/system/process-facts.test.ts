import { expect, test } from "bun:test"
import path from "node:path"
import { processFacts } from "./process-facts.ts"

test("a runtime that may not compile is known by it", async () => {
  expect(processFacts().isCompiling).toBe(true)
  const module = path.join(import.meta.dir, "process-facts.ts")
  const script = `import { processFacts } from ${JSON.stringify(module)}; console.log(processFacts().isCompiling)`
  const child = Bun.spawn([process.execPath, "-e", script], { env: { BUN_JSC_useJIT: "0" }, stdout: "pipe" })
  expect((await child.stdout.text()).trim()).toBe("false")
})
