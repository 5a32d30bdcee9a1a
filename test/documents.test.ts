/** What the documents tell people to write must be right. */
import { expect, test } from "bun:test"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { parse, stringify } from "yaml"
import { loadConfig } from "../src/config/load.ts"
import { GROUPS } from "../scripts/config-guide.ts"
import { temporaryFolder } from "./helpers/demo-process.ts"

const ROOT = join(import.meta.dir, "..")
const HASH = Bun.password.hashSync("a password", { algorithm: "bcrypt", cost: 10 })
const ENVIRONMENT = { OPENAI_API_KEY: "x", ANTHROPIC_API_KEY: "x", AZURE_KEY: "x", VENDOR_KEY: "x" }

/** Without the snippets that only add aliases to a group: those stand on their own beside a whole group. */
function snippets(file: string): readonly Record<string, Record<string, object>>[] {
  const text = readFileSync(join(ROOT, file), "utf8")
  return [...text.matchAll(/^```yaml\n(.*?)^```$/gmsu)]
    .map(([, yaml = ""]) => parse(yaml) as Record<string, Record<string, object>>)
    .filter((snippet) => "providers" in snippet || JSON.stringify(snippet).includes("targets"))
}

test.each(["README.md", "docs/providers.md", "docs/routing.md"])(
  "the YAML of %s makes a valid configuration",
  async (file) => {
    using folder = temporaryFolder()
    const found = snippets(file)
    expect(found.length).toBeGreaterThan(1)
    const path = join(folder.path, "config.yaml")
    // the page about routing builds on the providers of the page about them
    const base = file === "docs/routing.md" ? snippets("docs/providers.md") : []
    const [providers, models] = ["providers", "models"].map((key) =>
      Object.assign({}, ...[...(key === "providers" ? base : []), ...found].map((snippet) => snippet[key] ?? {})),
    )
    await Bun.write(path, stringify({ providers, models }))
    const { findings } = loadConfig({ path, env: ENVIRONMENT })
    expect(findings.filter((finding) => finding.severity === "error")).toEqual([])
  },
)

test("each example of the page about the configuration is valid beside a small file", async () => {
  using folder = temporaryFolder()
  const path = join(folder.path, "config.yaml")
  const [small, ...examples] = GROUPS.map(({ example }) => parse(example) as Record<string, unknown>)
  const page = readFileSync(join(ROOT, "docs/configuration.md"), "utf8")
  for (const { title, example } of GROUPS) expect(page.slice(page.indexOf(`## ${title}\n`))).toContain(example)
  expect(examples.length).toBeGreaterThan(8)
  for (const example of [{}, ...examples]) {
    const together = (key: string): unknown => {
      const ours = small?.[key] as object | undefined
      const theirs = (example as Record<string, object>)[key]
      if (Array.isArray(ours)) return [...(ours as unknown[]), ...((theirs as unknown[] | undefined) ?? [])]
      return { ...ours, ...theirs }
    }
    await Bun.write(path, stringify(Object.fromEntries(Object.keys(small ?? {}).map((key) => [key, together(key)]))))
    const { findings } = loadConfig({ path, env: { ...ENVIRONMENT, ADMIN_ANN_HASH: HASH } })
    expect(findings.filter((finding) => finding.severity === "error")).toEqual([])
  }
})

test("paths, commands and documents that the README names exist", async () => {
  const text = readFileSync(join(ROOT, "README.md"), "utf8")
  const links = [...text.matchAll(/\]\(([^)#:]+)\)/gu)].map(([, link = ""]) => link)
  expect(links.length).toBeGreaterThan(8)
  for (const link of links) expect([link, await Bun.file(join(ROOT, link)).exists()]).toEqual([link, true])
  const { scripts } = (await Bun.file(join(ROOT, "package.json")).json()) as { scripts: Record<string, string> }
  for (const [, name = ""] of text.matchAll(/`?npm (?:run )?([a-z:]+)/gu)) {
    expect([name, name in scripts || name === "install"]).toEqual([name, true])
  }
})
