import { chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { EXIT, print, printError, readArguments } from "./command.ts"
import { schemaText } from "./schema.ts"
import { SCHEMA_FILE, STARTER_CONFIG, STARTER_ENV } from "./starter.ts"

const HELP = `Write a starter configuration.

Usage: smart-router init [DIR] [--force] [--json]

Arguments:
  DIR        the folder; this one by default. It is made where it is missing

Options:
  --force    go on where files are there: the schema is written anew (the one before is kept as .bak) and what is
             missing is added; config.yaml and env.json stay as they are
  --json     for machines: which files were written
  -h, --help show this

Writes config.yaml (with comments), ${SCHEMA_FILE} (for your editor), env.json (secrets; only you can read it),
and the folders state/ and logs/ (only you can enter them). Nothing is written when one of the files is there.

Exit codes: 0 written, 1 files are in the way or cannot be written, 2 wrong arguments.

Examples:
  smart-router init my-router
  smart-router check --config my-router/config.yaml`

const OWNER_FILE = 0o600
const OWNER_FOLDER = 0o700
/** Whatever the umask is, nobody else may put a file in the place of one. */
const FOLDER = 0o755

export async function run(argv: readonly string[]): Promise<number> {
  const options = readArguments(argv, { flags: ["force", "json"], positionals: 1 })
  if (options.flag("help")) {
    print(HELP)
    return EXIT.ok
  }
  const folder = options.positionals[0] ?? "."
  const files = [
    { name: "config.yaml", text: STARTER_CONFIG, mode: 0o644 },
    { name: SCHEMA_FILE, text: `${schemaText()}\n`, mode: 0o644 },
    { name: "env.json", text: STARTER_ENV, mode: OWNER_FILE },
  ]
  const present = files.filter(({ name }) => existsSync(join(folder, name))).map(({ name }) => join(folder, name))
  if (present.length > 0 && !options.flag("force")) {
    printError(
      `Nothing is written, because this is there already: ${present.join(", ")}.\n--force renews the schema and adds what is missing; config.yaml and env.json stay as they are.`,
    )
    return EXIT.failed
  }
  mkdirSync(folder, { recursive: true, mode: FOLDER })
  for (const name of ["state", "logs"]) {
    mkdirSync(join(folder, name), { recursive: true, mode: OWNER_FOLDER })
    chmodSync(join(folder, name), OWNER_FOLDER)
  }
  const written = files.filter(({ name }) => name === SCHEMA_FILE || !present.includes(join(folder, name)))
  for (const { name, text, mode } of written) write(join(folder, name), text, mode)
  if (options.flag("json")) {
    print(JSON.stringify({ folder, written: written.map(({ name }) => name) }, null, 2))
    return EXIT.ok
  }
  print(
    present.length === 0 ? nextSteps(folder) : `Written: ${written.map(({ name }) => join(folder, name)).join(", ")}`,
  )
  return EXIT.ok
}

/** What was there, and says something else, is kept beside it. */
function write(path: string, text: string, mode: number): void {
  if (existsSync(path) && readFileSync(path, "utf8") !== text) copyFileSync(path, `${path}.bak`)
  writeFileSync(path, text, { mode })
  chmodSync(path, mode)
}

function nextSteps(folder: string): string {
  const config = join(folder, "config.yaml")
  return `Written: ${config}, ${join(folder, SCHEMA_FILE)}, ${join(folder, "env.json")}, ${join(folder, "state/")}, ${join(folder, "logs/")}

What is left to do:
  1. Put the provider's key into ${join(folder, "env.json")} (or set OPENAI_API_KEY in the environment).
  2. Create a token:  smart-router token create --owner-user me --project lab --env dev --allow default --write ${config}
  3. Check:           smart-router check --config ${config}
  4. Serve:           smart-router serve --config ${config}`
}
