import { createHash, randomBytes } from "node:crypto"
import { readFileSync } from "node:fs"
import { resolve } from "node:path"
import type { Finding } from "../config/findings.ts"
import { appendEntry, entryLines, yamlText, type ListEntry } from "../config/insert.ts"
import { loadConfig, type LoadResult } from "../config/load.ts"
import { readTextFile, whyUnreadable } from "../config/sources.ts"
import { EXIT, print, printError, readArguments, UsageError, type Arguments } from "./command.ts"
import { replaceFile } from "./files.ts"

const HELP = `Create a caller token. The raw token is printed once and stored nowhere: the configuration holds its SHA-256.

Usage: smart-router token create --owner-user USER --project PROJECT --env ENV --allow GROUP[,GROUP…]
                                 [--key KEY] [--id CALLER] [--write CONFIG [--add-missing]]

Options:
  --owner-user USER  who answers for the calls: an id under users:
  --project PROJECT  what the calls are made for: an id under projects:
  --env ENV          a label such as prod or dev
  --allow GROUPS     the model groups that may be called, separated by commas
  --key KEY          a label that tells several keys apart; k1, or the first one that is free, by default
  --id CALLER        the caller's id; USER-PROJECT-ENV by default
  --write CONFIG     insert the caller into this file; its comments stay. Otherwise the entry is printed for pasting
  --add-missing      with --write: also add the user, the project and the membership where they are missing
  -h, --help         show this

Exit codes: 0 created, 1 the configuration refuses it (nothing is written), 2 wrong arguments.

Examples:
  smart-router token create --owner-user me --project lab --env dev --allow default
  smart-router token create --owner-user me --project lab --env prod --allow fast,default --write config.yaml`

const SECRET_BYTES = 32
const LONGEST_PART = 64

export async function run(argv: readonly string[]): Promise<number> {
  const [action, ...rest] = argv
  if (action !== "create") {
    if (argv.includes("--help") || argv.includes("-h")) {
      print(HELP)
      return EXIT.ok
    }
    throw new UsageError(
      action === undefined
        ? "Say what to do: token create."
        : `There is no action ${JSON.stringify(action)}: token create.`,
    )
  }
  const options = readArguments(rest, {
    texts: ["owner-user", "project", "env", "allow", "key", "id", "write"],
    flags: ["add-missing"],
  })
  if (options.flag("help")) {
    print(HELP)
    return EXIT.ok
  }
  const order = orderOf(options)
  return order.write === undefined ? printNew(order) : writeNew(order, order.write)
}

interface Order {
  readonly user: string
  readonly project: string
  readonly environment: string
  readonly allow: readonly string[]
  readonly key: string | undefined
  readonly id: string
  readonly write: string | undefined
  readonly addMissing: boolean
}

function orderOf(options: Arguments): Order {
  const needed = (name: string): string => {
    const value = options.text(name)
    if (value === undefined) throw new UsageError(`The option --${name} is missing.`)
    if (/[\s\p{C}]/u.test(value) || value.length > LONGEST_PART) {
      throw new UsageError(`The value of --${name} must be 1 to ${LONGEST_PART} printable characters without spaces.`)
    }
    return value
  }
  const [user, project, environment] = [needed("owner-user"), needed("project"), needed("env")]
  const allow = needed("allow").split(",").filter(Boolean)
  if (allow.length === 0) throw new UsageError("The option --allow needs at least one model group.")
  const write = options.text("write")
  if (options.flag("add-missing") && write === undefined) throw new UsageError("--add-missing needs --write.")
  return {
    user,
    project,
    environment,
    allow,
    key: options.text("key") === undefined ? undefined : needed("key"),
    id: options.text("id") === undefined ? `${user}-${project}-${environment}` : needed("id"),
    write,
    addMissing: options.flag("add-missing"),
  }
}

interface Token {
  readonly raw: string
  readonly tokenId: string
  readonly entry: ListEntry
}

function createToken(order: Order, key: string): Token {
  const tokenId = tokenIdOf(order, key)
  const raw = `${tokenId}_${randomBytes(SECRET_BYTES).toString("base64url")}`
  const entry: ListEntry = [
    ["id", yamlText(order.id)],
    ["owner_user", yamlText(order.user)],
    ["project", yamlText(order.project)],
    ["environment", yamlText(order.environment)],
    ["status", "active"],
    ["token_sha256", `"${createHash("sha256").update(raw).digest("hex")}"`],
    ["token_id", yamlText(tokenId)],
    ["allow", `[${order.allow.map(yamlText).join(", ")}]`],
  ]
  return { raw, tokenId, entry }
}

/** Only what may stand in a header; identity never comes from here. */
function tokenIdOf({ user, project, environment }: Order, key: string): string {
  return ["rtr", ...[user, project, environment, key].map((part) => part.replaceAll(/[^A-Za-z0-9.-]/g, "-"))].join("_")
}

function printNew(order: Order): number {
  const token = createToken(order, order.key ?? "k1")
  printToken(token)
  print(`\nPaste this under callers: in the configuration:\n\n${entryLines(token.entry).trimEnd()}`)
  return EXIT.ok
}

function printToken({ raw, tokenId }: Token): void {
  print(
    `token:    ${raw}\ntoken_id: ${tokenId}\n\nThe token is shown only now. Whoever has it can call: keep it like a password.`,
  )
}

function writeNew(order: Order, file: string): number {
  const load = (text?: string): LoadResult =>
    loadConfig({
      path: file,
      env: process.env,
      readFile: (path) => (text !== undefined && path === resolve(file) ? text : readTextFile(path)),
    })
  const before = readConfig(file)
  if (before === undefined) return EXIT.failed
  const token = createToken(order, order.key ?? freeKey(order, before))
  const known = load()
  const extras = order.addMissing ? missingEntries(order, token, before, load) : []
  const after = [...extras, ["callers", token.entry] as const].reduce<string | null>(
    (text, [section, entry]) => (text === null ? null : appendEntry(text, section, entry)),
    before,
  )
  if (after === null) {
    printError(
      `${file} is written in a form that cannot be edited safely. Run the command without --write and paste the entry.`,
    )
    return EXIT.failed
  }
  const refused = newErrors(known, load(after))
  if (refused.length > 0) {
    printError(`${file} is unchanged, because it would not be valid:\n${refused.map(reasonOf).join("\n")}`)
    return EXIT.failed
  }
  replaceFile(file, after)
  printToken(token)
  const added = extras.map(([section]) => section)
  print(
    `\n${file}: the caller ${order.id} was added${added.length > 0 ? `, with entries in ${added.join(", ")}` : ""}. A running router takes it with SIGHUP.`,
  )
  return EXIT.ok
}

function readConfig(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8")
  } catch (error) {
    printError(`${file} cannot be read: ${whyUnreadable(error)}.`)
    return undefined
  }
}

/** The first of k1, k2, … whose token id does not stand in the file yet. */
function freeKey(order: Order, text: string): string {
  for (let number = 1; ; number += 1) {
    const tokenId = tokenIdOf(order, `k${number}`)
    if (!new RegExp(`${RegExp.escape(tokenId)}(?![A-Za-z0-9.-])`).test(text)) return `k${number}`
  }
}

/** Entries that must stand before the caller can: found out by asking the validation. */
function missingEntries(
  order: Order,
  token: Token,
  text: string,
  load: (text: string) => LoadResult,
): readonly (readonly [string, ListEntry])[] {
  const [user, project] = [yamlText(order.user), yamlText(order.project)]
  const member: ListEntry = [
    ["user_id", user],
    ["project", project],
    ["role", "developer"],
    ["status", "active"],
  ]
  const candidates: readonly (readonly [Finding["code"], string, ListEntry])[] = [
    [
      "unknown-user",
      "users",
      [
        ["id", user],
        ["type", "person"],
        ["status", "active"],
      ],
    ],
    [
      "unknown-project",
      "projects",
      [
        ["id", project],
        ["status", "active"],
      ],
    ],
    ["unknown-reference", "project_memberships", member],
  ]
  const extras: (readonly [string, ListEntry])[] = []
  let current = appendEntry(text, "callers", token.entry)
  for (const [code, section, entry] of candidates) {
    if (current === null) break
    const count = (result: LoadResult) => result.findings.filter((finding) => finding.code === code).length
    if (count(load(current)) <= count(load(text))) continue
    extras.push([section, entry])
    current = appendEntry(current, section, entry)
  }
  return extras
}

/** Errors that were not there before. */
function newErrors(before: LoadResult, after: LoadResult): readonly Finding[] {
  const known = new Set(errors(before).map(identity))
  return errors(after).filter((finding) => !known.has(identity(finding)))
}

function errors({ findings }: LoadResult): readonly Finding[] {
  return findings.filter((finding) => finding.severity === "error")
}

function identity({ code, message, path }: Finding): string {
  return JSON.stringify([code, message, path])
}

function reasonOf({ code, message, nearest }: Finding): string {
  const hint =
    code === "unknown-user" || code === "unknown-project" || code === "unknown-reference"
      ? " --add-missing adds it."
      : ""
  return `  ${message}${nearest === undefined ? "" : ` Did you mean ${JSON.stringify(nearest)}?`}${hint}`
}
