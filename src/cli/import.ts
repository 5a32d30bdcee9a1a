/** `smart-router import`: writes our configuration from that of another product. */
import { chmodSync, existsSync, readFileSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { LineCounter, parseDocument, stringify, type Document } from "yaml"
import { formatPath } from "../config/findings.ts"
import { EXIT, print, printError, readArguments, UsageError } from "./command.ts"
import { givenEnvironment } from "./environment.ts"
import type { Note, Place } from "./import/block.ts"
import { type Imported, importLiteLlm } from "./import/litellm.ts"

const HELP = `Write a configuration from that of another product, and name each thing that could not be carried over.

Usage: smart-router import litellm FILE [--out FILE] [--json]

Arguments:
  FILE        the configuration of LiteLLM's proxy

Options:
  --out FILE  write the configuration there; keys that stand in FILE itself go into env.json beside it (only you can read it)
  --json      for machines: configuration and notes as one JSON object
  -h, --help  show this

Without --out the configuration is printed. Notes go to standard error. A file that is there is never overwritten.

Exit codes: 0 written (read the notes), 1 FILE cannot be read or has no model that could be carried, or a file is in the way, 2 wrong arguments.

Examples:
  smart-router import litellm litellm.yaml --out config.yaml
  smart-router check --config config.yaml`

const OWNER_FILE = 0o600

export async function run(argv: readonly string[]): Promise<number> {
  const options = readArguments(argv, { texts: ["out"], flags: ["json"], positionals: 2 })
  if (options.flag("help")) {
    print(HELP)
    return EXIT.ok
  }
  const [product, file] = options.positionals
  if (product !== "litellm") throw new UsageError("Name the product: smart-router import litellm FILE.")
  if (file === undefined) throw new UsageError("Name the file: smart-router import litellm FILE.")
  const read = readYaml(file)
  if (typeof read === "string") {
    printError(read)
    return EXIT.failed
  }
  const imported = importLiteLlm(read.document.toJS(), givenEnvironment())
  if (imported.groups === 0) {
    printError(`${notesText(file, imported.notes, read)}\n\nNothing is written: no model could be carried over.`)
    return EXIT.failed
  }
  return deliver(imported, { file, out: options.text("out"), isJson: options.flag("json"), read })
}

interface ReadFile {
  readonly document: Document.Parsed
  readonly lines: LineCounter
}

/** A sentence where it cannot be read. */
function readYaml(file: string): ReadFile | string {
  let text: string
  try {
    text = readFileSync(file, "utf8")
  } catch (error) {
    return `${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`
  }
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, merge: true, prettyErrors: false })
  const [fault] = document.errors
  if (fault === undefined) return { document, lines }
  const { line, col } = lines.linePos(fault.pos[0])
  return `${file}:${line}:${col}  ${fault.message}`
}

interface Delivery {
  readonly file: string
  readonly out: string | undefined
  readonly isJson: boolean
  readonly read: ReadFile
}

function deliver(imported: Imported, { file, out, isJson, read }: Delivery): number {
  const { config, notes, secrets } = imported
  const text = `# Imported from ${JSON.stringify(file)}. Check it: smart-router check --config <this file>\n${stringify(config)}`
  if (out !== undefined) {
    const envFile = join(dirname(out), "env.json")
    const inTheWay = [out, ...(Object.keys(secrets).length > 0 ? [envFile] : [])].filter((path) => existsSync(path))
    if (inTheWay.length > 0) {
      printError(`Nothing is written, because this is there already: ${inTheWay.join(", ")}.`)
      return EXIT.failed
    }
    writeFileSync(out, text)
    if (Object.keys(secrets).length > 0) {
      writeFileSync(envFile, `${JSON.stringify(secrets, null, 2)}\n`, { mode: OWNER_FILE })
      chmodSync(envFile, OWNER_FILE)
    }
  }
  if (isJson) {
    const shown = notes.map(({ is, path, message }) => ({
      is,
      path: formatPath(path),
      line: lineOf(path, read),
      message,
    }))
    print(JSON.stringify({ written: out ?? null, config, variables: Object.keys(secrets), notes: shown }, null, 2))
    return EXIT.ok
  }
  if (out === undefined) print(text.trimEnd())
  printError([notesText(file, notes, read), ...lastWords(imported, out)].filter((line) => line !== "").join("\n\n"))
  return EXIT.ok
}

function lastWords({ groups, secrets }: Imported, out: string | undefined): readonly string[] {
  const names = Object.keys(secrets)
  if (out === undefined)
    return names.length === 0
      ? []
      : [
          `Keys stand in the file itself. Set these variables, or let --out write them into env.json: ${names.join(", ")}.`,
        ]
  const kept = names.length === 0 ? "" : ` ${join(dirname(out), "env.json")} holds ${names.join(", ")}.`
  return [
    `Written: ${out}, with ${groups} ${groups === 1 ? "group" : "groups"}.${kept}\nNext: smart-router check --config ${out}`,
  ]
}

function notesText(file: string, notes: readonly Note[], read: ReadFile): string {
  const part = (is: Note["is"], heading: string): readonly string[] => {
    const lines = notes
      .filter((note) => note.is === is)
      .map(({ path, message }) => `  ${file}:${lineOf(path, read)}  ${formatPath(path)}\n      ${message}`)
    return lines.length === 0 ? [] : [`${heading}\n${lines.join("\n")}`]
  }
  return [...part("changed", "Carried over, but different here:"), ...part("left", "Not carried over:")].join("\n\n")
}

/** Of the key, or of what is around it. */
function lineOf(path: Place, { document, lines }: ReadFile): number {
  for (let depth = path.length; depth > 0; depth -= 1) {
    const node: unknown = document.getIn(path.slice(0, depth), true)
    const range = typeof node === "object" && node !== null && "range" in node ? node.range : null
    if (Array.isArray(range)) return lines.linePos(Number(range[0])).line
  }
  return 1
}
