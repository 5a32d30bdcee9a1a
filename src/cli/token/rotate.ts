import type { Edit } from "../../config/edit/edit.ts"
import { EXIT, print, readArguments } from "../command.ts"
import { routerAnswerText } from "../running-router.ts"
import { changeConfig, exitCodeOf, type CallerTexts } from "./config-file.ts"
import { printToken } from "./create.ts"
import type { ListedToken } from "./listed.ts"
import { tokenIdArgument, tokenNamed } from "./named.ts"
import { configPath } from "../loaded.ts"
import { durationOption, freeKey, instantText, instantYaml, newToken, partOption, type NewToken } from "./new-token.ts"

const HELP = `Give a caller a new token in place of another. Its budgets, limits and history stay: they belong to the caller.

Usage: smart-router token rotate TOKEN_ID [--config FILE] [--grace 24h] [--key KEY] [--expires-in 90d] [--json]

The new token is printed once and stored nowhere. A router that runs on the configuration takes the change at once;
calls in flight go on.

Options:
  --config FILE      the configuration; config.yaml in this folder by default
  --grace TIME       the old token is accepted for so long, such as 30m or 24h; not at all by default
  --key KEY          a label that tells several keys apart; the first of k1, k2, … that is free by default
  --expires-in TIME  the new token is refused after this time, such as 90d; never by default
  --json             for machines
  -h, --help         show this

Exit codes: 0 done, 1 there is no such token or the configuration refuses the change (nothing is written),
            2 wrong arguments, 3 written, but the running router did not take it.

Examples:
  smart-router token rotate rtr_me_lab_prod_k1 --config config.yaml --grace 24h
  smart-router token rotate rtr_me_lab_prod_k1 --config config.yaml --json | jq -r .token`

export async function run(argv: readonly string[]): Promise<number> {
  const options = readArguments(argv, {
    texts: ["config", "grace", "key", "expires-in"],
    flags: ["json"],
    positionals: 1,
  })
  if (options.flag("help")) {
    print(HELP)
    return EXIT.ok
  }
  const tokenId = tokenIdArgument(options)
  const file = configPath(options.text("config"))
  const key = partOption(options, "key")
  const graceMs = durationOption(options, "grace") ?? 0
  const expiresInMs = durationOption(options, "expires-in")
  const made: { rotation?: Rotation } = {}
  const answer = await changeConfig(file, (texts) => {
    made.rotation = rotationOf(tokenNamed(tokenId, file, texts), {
      texts,
      key,
      graceMs,
      expiresInMs,
      nowMs: Date.now(),
    })
    return made.rotation.edits
  })
  if (made.rotation !== undefined) {
    const { old, token, oldExpiresAtMs } = made.rotation
    if (options.flag("json")) {
      const facts = { token: token.raw, token_id: token.tokenId, caller: old.caller, replaces: old.tokenId }
      print(JSON.stringify({ ...facts, replaced_expires_at: instantText(oldExpiresAtMs), router: answer.is }, null, 2))
    } else {
      printToken(token)
      const until =
        oldExpiresAtMs <= Date.now() ? "is refused from now on" : `is accepted until ${instantText(oldExpiresAtMs)}`
      print(
        `\n${file}: the caller ${old.caller} has the new token; ${old.tokenId} ${until}. ${routerAnswerText(answer)}`,
      )
    }
  }
  return exitCodeOf(answer)
}

interface Wish {
  readonly texts: CallerTexts
  readonly key: string | undefined
  readonly graceMs: number
  readonly expiresInMs: number | undefined
  readonly nowMs: number
}

interface Rotation {
  readonly old: ListedToken
  readonly token: NewToken
  readonly oldExpiresAtMs: number
  readonly edits: readonly Edit[]
}

/** The end of the old token only ever moves forward. */
function rotationOf(old: ListedToken, { texts, key, graceMs, expiresInMs, nowMs }: Wish): Rotation {
  const token = newToken(old, key ?? freeKey(old, texts))
  const oldExpiresAtMs = Math.min(old.expiresAtMs, nowMs + graceMs)
  const expiry: readonly Edit[] =
    oldExpiresAtMs === old.expiresAtMs
      ? []
      : [{ path: old.tokenPath, key: old.expiryKey, yaml: instantYaml(oldExpiresAtMs) }]
  const ends = expiresInMs === undefined ? [] : [["expires_at", instantYaml(nowMs + expiresInMs)] as const]
  const entry = [["token_sha256", token.sha256Yaml] as const, ["token_id", token.tokenIdYaml] as const, ...ends]
  return { old, token, oldExpiresAtMs, edits: [...expiry, { path: [...old.callerPath, "tokens"], entry }] }
}
