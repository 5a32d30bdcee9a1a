import { appendEntry, entryLines, type Edit, type EditPath } from "../../config/edit/edit.ts"
import { yamlText, type ListEntry } from "../../config/edit/nodes.ts"
import type { Finding } from "../../config/findings.ts"
import type { LoadResult } from "../../config/load.ts"
import { EXIT, print, readArguments, UsageError, type Arguments } from "../command.ts"
import { routerAnswerText } from "../running-router.ts"
import { changeConfig, exitCodeOf, loadText } from "./config-file.ts"
import {
  durationOption,
  freeKey,
  instantYaml,
  newToken,
  partOption,
  type NewToken,
  type TokenOwner,
} from "./new-token.ts"

const HELP = `Create a caller with a token. The raw token is printed once and stored nowhere: the configuration holds its SHA-256.

Usage: smart-router token create --owner-user USER --project PROJECT --env ENV --allow GROUP[,GROUP…]
                                 [--metrics-admin] [--key KEY] [--id CALLER] [--expires-in 90d] [--write CONFIG [--add-missing]] [--json]

Options:
  --owner-user USER  who answers for the calls: an id under users:
  --project PROJECT  what the calls are made for: an id under projects:
  --env ENV          a label such as prod or dev
  --allow GROUPS     the model groups that may be called, separated by commas
  --metrics-admin    the token may read /metrics; then --allow may be left out
  --key KEY          a label that tells several keys apart; k1, or the first one that is free, by default
  --id CALLER        the caller's id; USER-PROJECT-ENV by default
  --expires-in TIME  the token is refused after this time, such as 90d; never by default
  --write CONFIG     insert the caller into this file; its comments stay. Otherwise the entry is printed for pasting
  --add-missing      with --write: also add the user, the project and the membership where they are missing
  --json             for machines
  -h, --help         show this

A router that runs on CONFIG takes the new token at once.

Exit codes: 0 created, 1 the configuration refuses it (nothing is written), 2 wrong arguments,
            3 written, but the running router did not take it.

Examples:
  smart-router token create --owner-user me --project lab --env dev --allow default
  smart-router token create --owner-user me --project lab --env prod --allow fast,default --write config.yaml
  smart-router token create --owner-user me --project lab --env ops --metrics-admin --write config.yaml`

export async function run(argv: readonly string[]): Promise<number> {
  const options = readArguments(argv, {
    texts: ["owner-user", "project", "env", "allow", "key", "id", "expires-in", "write"],
    flags: ["add-missing", "metrics-admin", "json"],
  })
  if (options.flag("help")) {
    print(HELP)
    return EXIT.ok
  }
  const order = orderOf(options)
  return order.write === undefined ? printNew(order) : writeNew(order, order.write)
}

interface Order {
  readonly owner: TokenOwner
  readonly allow: readonly string[]
  readonly readsMetrics: boolean
  readonly key: string | undefined
  readonly id: string
  readonly expiresInMs: number | undefined
  readonly write: string | undefined
  readonly addMissing: boolean
  readonly isJson: boolean
}

function orderOf(options: Arguments): Order {
  const needed = (name: string): string => {
    const value = partOption(options, name)
    if (value === undefined) throw new UsageError(`The option --${name} is missing.`)
    return value
  }
  const owner = { user: needed("owner-user"), project: needed("project"), environment: needed("env") }
  const readsMetrics = options.flag("metrics-admin")
  const allow = (readsMetrics ? (partOption(options, "allow") ?? "") : needed("allow")).split(",").filter(Boolean)
  if (allow.length === 0 && !readsMetrics) throw new UsageError("The option --allow needs at least one model group.")
  const write = options.text("write")
  if (options.flag("add-missing") && write === undefined) throw new UsageError("--add-missing needs --write.")
  return {
    owner,
    allow,
    readsMetrics,
    key: partOption(options, "key"),
    id: partOption(options, "id") ?? `${owner.user}-${owner.project}-${owner.environment}`,
    expiresInMs: durationOption(options, "expires-in"),
    write,
    addMissing: options.flag("add-missing"),
    isJson: options.flag("json"),
  }
}

function entryOf({ owner, id, allow, readsMetrics, expiresInMs }: Order, token: NewToken): ListEntry {
  return [
    ["id", yamlText(id)],
    ["owner_user", yamlText(owner.user)],
    ["project", yamlText(owner.project)],
    ["environment", yamlText(owner.environment)],
    ["status", "active"],
    ["token_sha256", token.sha256Yaml],
    ["token_id", token.tokenIdYaml],
    ...(expiresInMs === undefined ? [] : [["token_expires_at", instantYaml(Date.now() + expiresInMs)] as const]),
    ...(readsMetrics ? [["metrics_admin", "true"] as const] : []),
    ["allow", `[${allow.map(yamlText).join(", ")}]`],
  ]
}

function printNew(order: Order): number {
  const token = newToken(order.owner, order.key ?? "k1")
  const entry = entryLines(entryOf(order, token)).trimEnd()
  if (order.isJson) {
    printJson(order, token, { entry })
    return EXIT.ok
  }
  printToken(token)
  print(`\nPaste this under callers: in the configuration:\n\n${entry}`)
  return EXIT.ok
}

export function printToken({ raw, tokenId }: NewToken): void {
  print(
    `token:    ${raw}\ntoken_id: ${tokenId}\n\nThe token is shown only now. Whoever has it can call: keep it like a password.`,
  )
}

function printJson({ id }: Order, { raw, tokenId }: NewToken, facts: Readonly<Record<string, unknown>>): void {
  print(JSON.stringify({ token: raw, token_id: tokenId, caller: id, ...facts }, null, 2))
}

async function writeNew(order: Order, file: string): Promise<number> {
  const made: { token?: NewToken; edits: readonly Edit[] } = { edits: [] }
  const answer = await changeConfig(file, (before) => {
    const token = newToken(order.owner, order.key ?? freeKey(order.owner, before))
    const entry = entryOf(order, token)
    const extras = order.addMissing
      ? missingEntries(order.owner, entry, before.text, (text) => loadText(file, text))
      : []
    made.token = token
    made.edits = extras
    return [...extras, { path: [before.callers === null ? "callers" : "callers_file"], entry }]
  })
  const added = made.edits.map(({ path }) => path[0])
  if (made.token !== undefined && order.isJson) {
    printJson(order, made.token, { file, added, router: answer.is })
    return exitCodeOf(answer)
  }
  if (made.token !== undefined) printToken(made.token)
  print(
    `\n${file}: the caller ${order.id} was added${added.length > 0 ? `, with entries in ${added.join(", ")}` : ""}. ${routerAnswerText(answer)}`,
  )
  return exitCodeOf(answer)
}

/** Entries that must stand before the caller can: found out by asking the validation. */
function missingEntries(
  owner: TokenOwner,
  caller: ListEntry,
  text: string,
  load: (text: string) => LoadResult,
): readonly Edit[] {
  const extras: Edit[] = []
  let current = appendEntry(text, ["callers"], caller)
  for (const { code, path, entry } of candidates(owner)) {
    if (current === null) break
    const count = (result: LoadResult) => result.findings.filter((finding) => finding.code === code).length
    if (count(load(current)) <= count(load(text))) continue
    extras.push({ path, entry })
    current = appendEntry(current, path, entry)
  }
  return extras
}

interface Candidate {
  readonly code: Finding["code"]
  readonly path: EditPath
  readonly entry: ListEntry
}

function candidates(owner: TokenOwner): readonly Candidate[] {
  const [user, project] = [yamlText(owner.user), yamlText(owner.project)]
  const active = ["status", "active"] as const
  const member: ListEntry = [["user_id", user], ["project", project], ["role", "developer"], active]
  return [
    { code: "unknown-user", path: ["users"], entry: [["id", user], ["type", "person"], active] },
    { code: "unknown-project", path: ["projects"], entry: [["id", project], active] },
    { code: "unknown-reference", path: ["project_memberships"], entry: member },
  ]
}
