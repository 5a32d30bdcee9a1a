/** `smart-router pii test`: what a group's filter for personal data makes of a request, without sending it. */
import type { Group, Snapshot } from "../config/snapshot.ts"
import type { DialectName } from "../dialects/name.ts"
import type { ErrorCode } from "../error-catalogue.ts"
import { JsonFault } from "../json/fault.ts"
import { scanObject, type ScannedObject } from "../json/scan.ts"
import { nearest } from "../nearest.ts"
import type { PiiFilter } from "../pii/filter.ts"
import { redactRequest, type Redaction, type RefusalReason } from "../pii/redact.ts"
import { EXIT, print, printError, readArguments, UsageError } from "./command.ts"
import { configPath, loaded } from "./loaded.ts"
import { dialectOf, readRequest } from "./request-file.ts"

const HELP = `Show what a group's filter for personal data makes of a request. Nothing is sent, and no value is printed.

Usage: smart-router pii test --file FILE [--group GROUP] [--dialect DIALECT] [--config FILE] [--json]

Options:
  --file FILE        a request body as a client would send it
  --group GROUP      whose filter; the model that the request names, or the default group, by default
  --dialect DIALECT  openai-chat (the default), openai-responses or anthropic
  --config FILE      the configuration; config.yaml in this folder by default
  --json             for machines
  -h, --help         show this

Placeholders differ from those of a running router, which keys them with a secret of its own.

Exit codes: 0 the call would go on, 1 it would be refused, or there is no such configuration, 2 wrong arguments.

Examples:
  smart-router pii test --file request.json
  smart-router pii test --file request.json --group support --dialect anthropic --json | jq .found`

export async function run(argv: readonly string[]): Promise<number> {
  const options = readArguments(argv, {
    texts: ["file", "group", "dialect", "config"],
    flags: ["json"],
    positionals: 1,
  })
  if (options.flag("help")) {
    print(HELP)
    return EXIT.ok
  }
  const [action] = options.positionals
  if (action !== "test")
    throw new UsageError(
      action === undefined ? "Say what to do: test." : `There is no action ${JSON.stringify(action)}; there is: test.`,
    )
  const file = options.text("file")
  if (file === undefined) throw new UsageError("Which request? --file FILE.")
  const dialect = dialectOf(options)
  const config = await loaded(configPath(options.text("config")))
  const bytes = config === null ? null : readRequest(file)
  if (config === null || bytes === null) return EXIT.failed
  const body = scanned(bytes, file)
  if (body === null) return EXIT.failed
  const group = groupOf(options.text("group") ?? modelOf(body), config.snapshot)
  const { piiFilter } = group
  if (piiFilter === null) {
    printError(`The model group "${group.name}" has no filter for personal data: models.${group.name}.pii_filter.`)
    return EXIT.failed
  }
  const outcome = outcomeOf(body, dialect, group.name, piiFilter)
  print(options.flag("json") ? JSON.stringify(outcome, null, 2) : textOf(outcome))
  return outcome.refused_with === null ? EXIT.ok : EXIT.failed
}

function scanned(bytes: Uint8Array, file: string): ScannedObject | null {
  try {
    return scanObject(bytes, Infinity)
  } catch (error) {
    if (!(error instanceof JsonFault)) throw error
    printError(`${file} is not a JSON object.`)
    return null
  }
}

function modelOf({ bytes, members }: ScannedObject): string | undefined {
  const member = members.find(({ key }) => key === "model")
  if (member === undefined) return undefined
  const model: unknown = JSON.parse(Buffer.from(bytes.subarray(member.start, member.end)).toString())
  return typeof model === "string" ? model : undefined
}

function groupOf(name: string | undefined, { groups, defaultGroup }: Snapshot): Group {
  const said = name ?? defaultGroup
  if (said === null) throw new UsageError("Whose filter? --group GROUP.")
  const group = groups.get(said)
  if (group !== undefined) return group
  const meant = nearest(said, [...groups.keys()])
  throw new UsageError(
    `There is no model group ${JSON.stringify(said)}.${meant === undefined ? "" : ` Did you mean ${meant}?`}`,
  )
}

interface Found {
  readonly placeholder: string
  /** Its first character and its length. */
  readonly value: string
}

interface Outcome {
  readonly group: string
  readonly mode: PiiFilter["mode"]
  readonly restores: boolean
  readonly matches: Readonly<Record<string, number>>
  readonly found: readonly Found[]
  /** Null: the call would go on. */
  readonly refused_with: ErrorCode | null
  /** As the steps behind the filter see it; null: unchanged, or refused. */
  readonly body: unknown
}

const CODES: Readonly<Record<RefusalReason, ErrorCode>> = {
  matched: "pii-filter-blocked",
  "too-many": "pii-filter-blocked",
  sealed: "pii-filter-sealed",
}
const KEY = "smart-router pii test"

function outcomeOf(body: ScannedObject, dialect: DialectName, group: string, filter: PiiFilter): Outcome {
  const { bytes, values, counts, refusal } = redaction(body, dialect, filter)
  const named = filter.rules.map(({ name }, place) => [name, counts[place] ?? 0] as const)
  return {
    group,
    mode: filter.mode,
    restores: filter.restores,
    matches: Object.fromEntries(named.filter(([, count]) => count > 0)),
    found: [...values].map(([placeholder, value]) => ({ placeholder, value: masked(value) })),
    refused_with: refusal === null ? null : CODES[refusal],
    body: bytes === null ? null : JSON.parse(Buffer.from(bytes).toString()),
  }
}

function redaction(body: ScannedObject, dialect: DialectName, filter: PiiFilter): Redaction {
  const work = redactRequest(body, dialect, filter, { key: KEY, longestText: Infinity })
  for (let step = work.next(); ; step = work.next()) if (step.done === true) return step.value
}

function masked(value: string): string {
  const characters = Array.from(value)
  return `${characters[0] ?? ""}… (${characters.length} characters)`
}

function textOf({ group, mode, restores, matches, found, refused_with, body }: Outcome): string {
  const head = `Group ${group}: ${mode}${restores ? ", answers get the originals back" : ""}.`
  const counts = Object.entries(matches).map(([name, count]) => `  ${name}: ${count}`)
  if (counts.length === 0) return `${head}\nNothing was found: the request goes on as it is.`
  const width = Math.max(0, ...found.map(({ placeholder }) => placeholder.length))
  const values = found.map(({ placeholder, value }) => `  ${placeholder.padEnd(width)}  ${value}`)
  const end =
    refused_with === null
      ? ["The request goes on as:", JSON.stringify(body, null, 2)]
      : [`The call is refused: ${refused_with}.`]
  return [head, "Matches:", ...counts, ...(values.length === 0 ? [] : ["Values:", ...values]), ...end].join("\n")
}
