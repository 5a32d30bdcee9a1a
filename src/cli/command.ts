/** What all commands share: exit codes, arguments, and where they write. */
import { parseArgs, type ParseArgsConfig } from "node:util"
import { printable } from "../bounded-text.ts"
import { nearest } from "../nearest.ts"

export interface Command {
  /** The exit code. Throws `UsageError` where the arguments make no sense. */
  readonly run: (argv: readonly string[]) => Promise<number>
}

/**
 * `notTaken`: the file is written, but the router that runs on it goes on with the configuration before.
 * `alarm`: a condition holds that the command was asked to watch. `interrupted`: by Ctrl-C, as shells have it.
 */
export const EXIT = { ok: 0, failed: 1, usage: 2, notTaken: 3, alarm: 4, interrupted: 130 } as const

/** The arguments make no sense. The message is a sentence for the person who typed them. */
export class UsageError extends Error {}

export function asUsageError(error: unknown): UsageError | undefined {
  return error instanceof UsageError ? error : undefined
}

/** Null: what commands print goes to the standard output. */
let kept: string[] | null = null

export function print(text: string): void {
  if (kept === null) process.stdout.write(`${printable(text)}\n`)
  else kept.push(printable(text))
}

/** What a command prints with some arguments, kept instead of written. One at a time. */
export async function printedBy({ run }: Command, argv: readonly string[]): Promise<string> {
  const lines: string[] = []
  kept = lines
  try {
    await run(argv)
  } finally {
    kept = null
  }
  return lines.join("\n")
}

export function printError(text: string): void {
  process.stderr.write(`${printable(text)}\n`)
}

export interface Arguments {
  readonly positionals: readonly string[]
  text(name: string): string | undefined
  /** Of an option that may be given several times. */
  list(name: string): readonly string[]
  flag(name: string): boolean
}

export interface ArgumentRules {
  /** Options that take a value. */
  readonly texts?: readonly string[]
  readonly flags?: readonly string[]
  /** Options that take a value and may be given several times. */
  readonly lists?: readonly string[]
  /** How many arguments without dashes are taken; 0 by default. */
  readonly positionals?: number
}

/** `--help` and `-h` are understood everywhere and shown as the flag `help`. */
export function readArguments(
  argv: readonly string[],
  { texts = [], flags = [], lists = [], positionals = 0 }: ArgumentRules,
): Arguments {
  const options: NonNullable<ParseArgsConfig["options"]> = {
    help: { type: "boolean", short: "h" },
    ...Object.fromEntries(texts.map((name) => [name, { type: "string" as const }])),
    ...Object.fromEntries(lists.map((name) => [name, { type: "string" as const, multiple: true }])),
    ...Object.fromEntries(flags.map((name) => [name, { type: "boolean" as const }])),
  }
  const parsed = parseArgs({ args: [...argv], options, strict: false, allowPositionals: true, tokens: true })
  const seen = new Set<string>()
  for (const token of parsed.tokens) {
    if (token.kind !== "option") continue
    const wantsValue = texts.includes(token.name) || lists.includes(token.name)
    if (!Object.hasOwn(options, token.name)) throw new UsageError(unknownOption(token.rawName, Object.keys(options)))
    if (wantsValue && (token.value ?? "") === "") throw new UsageError(`The option --${token.name} needs a value.`)
    if (!wantsValue && token.value !== undefined) throw new UsageError(`The option --${token.name} takes no value.`)
    if (seen.has(token.name) && !lists.includes(token.name))
      throw new UsageError(`The option --${token.name} is given twice.`)
    seen.add(token.name)
  }
  const extra = parsed.positionals[positionals]
  if (extra !== undefined) throw new UsageError(`The argument ${JSON.stringify(extra)} is one too many.`)
  return {
    positionals: parsed.positionals,
    text(name) {
      const value = parsed.values[name]
      return typeof value === "string" ? value : undefined
    },
    list(name) {
      const value = parsed.values[name]
      return Array.isArray(value) ? value.map(String) : []
    },
    flag: (name) => parsed.values[name] === true,
  }
}

function unknownOption(written: string, known: readonly string[]): string {
  const meant = nearest(written.replace(/^-+/, ""), known)
  return `There is no option ${written}.${meant === undefined ? "" : ` Did you mean --${meant}?`}`
}
