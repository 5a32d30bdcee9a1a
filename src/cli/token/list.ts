import { EXIT, print, readArguments } from "../command.ts"
import { ChangeRefused, readCallerTexts } from "./config-file.ts"
import type { ListedToken } from "./listed.ts"
import { tokensOf } from "./named.ts"
import { configPath } from "../loaded.ts"

const HELP = `List the caller tokens of a configuration: never their hashes.

Usage: smart-router token list [--config FILE] [--caller CALLER] [--json]

Options:
  --config FILE    the configuration; config.yaml in this folder by default
  --caller CALLER  only the tokens of this caller
  --json           for machines
  -h, --help       show this

The status is "expired" for a token whose time has come, else that of its caller. Dates without a time mean 00:00 UTC.

Exit codes: 0 listed, 1 the file cannot be read or there is no such caller, 2 wrong arguments.

Examples:
  smart-router token list --config config.yaml
  smart-router token list --config config.yaml --json | jq -r '.tokens[] | select(.status == "active") | .token_id'`

export async function run(argv: readonly string[]): Promise<number> {
  const options = readArguments(argv, { texts: ["config", "caller"], flags: ["json"] })
  if (options.flag("help")) {
    print(HELP)
    return EXIT.ok
  }
  const file = configPath(options.text("config"))
  const caller = options.text("caller")
  const all = tokensOf(file, readCallerTexts(file))
  const tokens = caller === undefined ? all : all.filter((token) => token.caller === caller)
  if (caller !== undefined && tokens.length === 0) {
    throw new ChangeRefused(`${file} has no caller ${JSON.stringify(caller)}.`)
  }
  print(options.flag("json") ? JSON.stringify({ tokens: tokens.map(shown) }, null, 2) : table(tokens))
  return EXIT.ok
}

function shown(token: ListedToken): object {
  return {
    token_id: token.tokenId,
    caller: token.caller,
    owner_user: token.user,
    project: token.project,
    environment: token.environment,
    status: token.status,
    expires_at: token.expiresAt,
    allow: token.allow,
  }
}

function table(tokens: readonly ListedToken[]): string {
  if (tokens.length === 0) return "There are no tokens. smart-router token create makes one."
  const rows = [
    ["TOKEN_ID", "CALLER", "PROJECT", "ENV", "STATUS", "EXPIRES", "ALLOW"],
    ...tokens.map((token) => [
      token.tokenId === "" ? "-" : token.tokenId,
      token.caller,
      token.project,
      token.environment,
      token.status,
      token.expiresAt ?? "never",
      token.allow.length === 0 ? "-" : token.allow.join(","),
    ]),
  ]
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? []
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n")
}
