/** Whose calls a token stands for. */
import type { CallerConfig, Config } from "./config.ts"
import { limitsCompiler } from "./limits.ts"
import { callerDescriptions } from "./policies.ts"
import { spendCeiling } from "./spend-ceiling.ts"
import type { Caller, Credential, KeyStatus } from "./snapshot.ts"

export interface CompiledCaller {
  readonly caller: Caller
  /** By lower-case hex SHA-256 of the raw token. */
  readonly credentials: readonly (readonly [hash: string, credential: Credential])[]
}

export function callerCompiler(config: Config): (entry: CallerConfig) => CompiledCaller {
  const describe = callerDescriptions(config)
  const limitsOf = limitsCompiler(config)
  return (entry) => {
    const caller: Caller = {
      id: entry.id,
      user: entry.owner_user,
      project: entry.project,
      environment: entry.environment,
      status: keyStatus(entry.status),
      allowed: new Set(entry.allow),
      limits: limitsOf(entry),
      ceiling: spendCeiling(entry.spend_ceiling),
      ...describe(entry),
    }
    return { caller, credentials: tokensOf(entry).map((token) => credentialOf(token, caller)) }
  }
}

type Token = CallerConfig["tokens"][number]

function tokensOf(entry: CallerConfig): readonly Token[] {
  const first = { token_sha256: entry.token_sha256, token_id: entry.token_id, expires_at: entry.token_expires_at }
  return [first, ...entry.tokens]
}

function credentialOf(token: Token, caller: Caller): readonly [string, Credential] {
  const expiresAt = token.expires_at === undefined ? null : Date.parse(token.expires_at)
  const hash = token.token_sha256.toLowerCase()
  return [hash, { caller, tokenId: token.token_id, expiresAt, pseudonymKey: pseudonymKey(hash) }]
}

function keyStatus(status: CallerConfig["status"]): KeyStatus {
  return status === "removed" || status === "archived" ? "disabled" : status
}

function pseudonymKey(tokenHash: string): string {
  return new Bun.CryptoHasher("sha256").update(`conversations of ${tokenHash}`).digest("hex")
}
