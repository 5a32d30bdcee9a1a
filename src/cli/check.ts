import { existsSync } from "node:fs"
import { START, type Finding } from "../config/findings.ts"
import { fileRead, withCallers } from "../config/reading.ts"
import { loadShown } from "./load-shown.ts"
import { liveFindings } from "./check-live.ts"
import { placeFindings } from "./check-places.ts"
import { scriptFindings } from "./check-scripts.ts"
import { EXIT, print, readArguments, UsageError } from "./command.ts"
import { environmentNotices, givenEnvironment } from "./environment.ts"
import { proofFindings } from "./proofs.ts"
import { counts, pretty } from "./findings-text.ts"

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

const DEFAULT_FILE = "config.yaml"

export async function run(argv: readonly string[]): Promise<number> {
  const options = readArguments(argv, { texts: ["config"], flags: ["json", "strict", "live"] })
  if (options.flag("help")) {
    print(HELP)
    return EXIT.ok
  }
  const path = options.text("config") ?? DEFAULT_FILE
  if (options.text("config") === undefined && !existsSync(path)) {
    throw new UsageError("There is no config.yaml in this folder. Name the file: --config FILE.")
  }
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
  print(
    options.flag("json")
      ? JSON.stringify({ ok, file: path, ...counts(findings), findings }, null, 2)
      : pretty(path, findings),
  )
  return ok ? EXIT.ok : EXIT.failed
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
