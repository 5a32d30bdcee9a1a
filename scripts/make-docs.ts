/**
 * Writes what is generated from the schema, the error catalogue, the list of losses, the tables of the ledger, the tables of ids, the sections of reports and the goldens. `--check` writes nothing and fails when a file is stale.
 */
import { join } from "node:path"
import { configSchema } from "../src/config/schema/config-schema.ts"
import { configDocs } from "./config-docs.ts"
import { configTypes } from "./config-types.ts"
import { dialectDocs } from "./dialect-docs.ts"
import { errorDocs } from "./error-docs.ts"
import { ledgerDocs } from "./ledger-docs.ts"
import { withIdDocs } from "./id-docs.ts"
import { withReportDocs } from "./report-docs.ts"
import { withLayers } from "./layer-rules.ts"
import { withStrictness } from "./strictness-docs.ts"

const ROOT = join(import.meta.dir, "..")
const checking = process.argv.includes("--check")
const stale: string[] = []

const GENERATED: Readonly<Record<string, string>> = {
  "docs/configuration.md": configDocs(configSchema),
  "docs/dialects.md": dialectDocs(),
  "docs/decisions/0004-own-http.md": withStrictness(
    await Bun.file(join(ROOT, "docs/decisions/0004-own-http.md")).text(),
  ),
  "docs/errors.md": errorDocs(),
  "docs/ledger.md": ledgerDocs(),
  "docs/reports.md": await withReportDocs(await Bun.file(join(ROOT, "docs/reports.md")).text()),
  "docs/stored-state.md": withIdDocs(await Bun.file(join(ROOT, "docs/stored-state.md")).text()),
  ".oxlintrc.json": formatted(withLayers(await Bun.file(join(ROOT, ".oxlintrc.json")).text()), "oxlintrc.json"),
  "src/config/config.ts": formatted(configTypes(configSchema), "config.ts"),
}

for (const [name, text] of Object.entries(GENERATED)) {
  const file = Bun.file(join(ROOT, name))
  const current = (await file.exists()) ? await file.text() : ""
  if (current === text) continue
  stale.push(name)
  if (!checking) await file.write(text)
}

if (checking && stale.length > 0) {
  process.stderr.write(`Stale: ${stale.join(", ")}. Run: npm run docs\n`)
  process.exitCode = 1
} else {
  process.stdout.write(stale.length > 0 ? `Written: ${stale.join(", ")}\n` : "Everything is up to date.\n")
}

function formatted(source: string, name: string): string {
  const command = [join(ROOT, "node_modules/.bin/oxfmt"), "-c", join(ROOT, ".oxfmtrc.json"), `--stdin-filepath=${name}`]
  const { stdout, success, stderr } = Bun.spawnSync(command, { stdin: Buffer.from(source) })
  if (!success) throw new Error(`oxfmt failed: ${stderr.toString()}`)
  return stdout.toString()
}
