import { EXIT, print, readArguments } from "../command.ts"
import { routerAnswerText } from "../running-router.ts"
import { changeConfig, exitCodeOf } from "./config-file.ts"
import type { ListedToken } from "./listed.ts"
import { tokenIdArgument, tokenNamed, tokensOf } from "./named.ts"
import { configPath } from "../loaded.ts"
import { instantText, instantYaml } from "./new-token.ts"

const HELP = `Withdraw a token: it is refused from now on (403 key-expired). The caller and its other tokens stay as they are.

Usage: smart-router token revoke TOKEN_ID [--config FILE] [--json]

The entry stays in the configuration, expired, so that its token_id can still be looked up; delete it by hand if you like.
A router that runs on the configuration takes the change at once; calls in flight go on.

Options:
  --config FILE  the configuration; config.yaml in this folder by default
  --json         for machines
  -h, --help     show this

Exit codes: 0 revoked (or expired before), 1 there is no such token or the configuration refuses the change (nothing is
            written), 2 wrong arguments, 3 written, but the running router did not take it.

Example:
  smart-router token revoke rtr_me_lab_prod_k1 --config config.yaml`

export async function run(argv: readonly string[]): Promise<number> {
  const options = readArguments(argv, { texts: ["config"], flags: ["json"], positionals: 1 })
  if (options.flag("help")) {
    print(HELP)
    return EXIT.ok
  }
  const tokenId = tokenIdArgument(options)
  const file = configPath(options.text("config"))
  const nowMs = Date.now()
  const found: { token?: ListedToken; left: number } = { left: 0 }
  const answer = await changeConfig(file, (texts) => {
    const token = tokenNamed(tokenId, file, texts)
    found.token = token
    found.left = tokensOf(file, texts).filter((one) => one.caller === token.caller && one.status === "active").length
    if (token.expiresAtMs <= nowMs) return []
    if (token.status === "active") found.left -= 1
    return [{ path: token.tokenPath, key: token.expiryKey, yaml: instantYaml(nowMs) }]
  })
  const { token, left } = found
  if (token !== undefined) {
    const expiresAt = instantText(Math.min(token.expiresAtMs, nowMs))
    if (options.flag("json")) {
      const facts = { token_id: token.tokenId, caller: token.caller, expires_at: expiresAt, active_tokens_left: left }
      print(JSON.stringify({ ...facts, router: answer.is }, null, 2))
    } else {
      const rest = left === 0 ? " It has no active token left." : ""
      print(
        `${file}: the token ${token.tokenId} of the caller ${token.caller} is refused since ${expiresAt}.${rest} ${routerAnswerText(answer)}`,
      )
    }
  }
  return exitCodeOf(answer)
}
