import { START, type Finding } from "../config/findings.ts"
import { documentsUrl } from "../config/documents-url.ts"
import { fileRead, withCallers } from "../config/reading.ts"
import { loadShown } from "./load-shown.ts"
import { liveFindings } from "./check-live.ts"
import { placeFindings } from "./check-places.ts"
import { scriptFindings } from "./check-scripts.ts"
import { EXIT, print, readArguments } from "./command.ts"
import { environmentNotices, givenEnvironment } from "./environment.ts"
import { counts, docOf, pretty, sourceFor } from "./findings-text.ts"
import { configPath } from "./loaded.ts"
import { proofFindings } from "./proofs.ts"

const HELP = `Check a configuration file without serving: every problem in one pass, with line and column.

Usage: smart-router check [--config FILE] [--json] [--strict] [--live]

Options:
  --config FILE  the configuration; config.yaml in this folder by default
  --json         findings for machines
  --strict       keys of the reference product that this router does not implement are errors, and so are groups
                 whose activation demands proofs, and of which no target is proven
  --live         ask each provider for its list of models, and what it says to an empty request, which costs nothing:
                 tells a wrong host, port, scheme, path, key, dialect or model, and what to write instead
  -h, --help     show this

Secrets are read from the environment and from env.json beside the file, and never printed.
Keys whose feature is not built yet are listed as "accepted, not active yet": nothing enforces them.

Exit codes: 0 no errors (there may be warnings), 1 errors, 2 wrong arguments.

Examples:
  smart-router check --config router/config.yaml
  smart-router check --config router/config.yaml --live
  smart-router check --config router/config.yaml --json | jq '.findings[] | select(.severity == "error")'`

export async function run(argv: readonly string[]): Promise<number> {
  const options = readArguments(argv, { texts: ["config"], flags: ["json", "strict", "live"] })
  if (options.flag("help")) {
    print(HELP)
    return EXIT.ok
  }
  const path = configPath(options.text("config"))
  const asked = { path, env: givenEnvironment() }
  const loaded = loadShown(asked)
  const { findings: foundInFiles } = await withCallers(fileRead(loaded), asked)
  const found = [
    ...foundInFiles,
    ...placeFindings(path, loaded),
    ...(await scriptFindings(loaded)),
    ...(await proofFindings(loaded)),
    ...environmentFindings(),
    ...(options.flag("live") ? await liveFindings(loaded) : []),
  ]
  const findings = judged(found, options.flag("strict"))
  const ok = findings.every((finding) => finding.severity !== "error")
  const page = loaded.config === null ? null : documentsUrl(loaded.config.server, "configuration")
  if (options.flag("json")) {
    const linked = findings.map((finding) => ({ ...finding, ...docMember(finding, page) }))
    print(JSON.stringify({ ok, file: path, ...counts(findings), findings: linked }, null, 2))
  } else print(pretty(path, findings, { page, source: sourceFor(process.stdout, path) }))
  return ok ? EXIT.ok : EXIT.failed
}

function docMember(finding: Finding, page: string | null): { readonly doc?: string } {
  const doc = docOf(finding, page)
  return doc === null ? {} : { doc }
}

/** Of the environment of this command: the router may run in another one, and says the same of it when it starts. */
function environmentFindings(): readonly Finding[] {
  return environmentNotices(givenEnvironment()).map((notice) => ({
    ...notice,
    code: "environment",
    path: "",
    ...START,
  }))
}

/** Errors where the operator asks for it. */
const STRICT: readonly Finding["code"][] = ["not-implemented", "unproven"]

function judged(findings: readonly Finding[], strict: boolean): readonly Finding[] {
  if (!strict) return findings
  return findings.map((finding) => (STRICT.includes(finding.code) ? { ...finding, severity: "error" } : finding))
}
