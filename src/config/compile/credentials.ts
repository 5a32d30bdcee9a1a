/** Whose calls a token stands for. */
import type { CallerConfig, Config } from "../config.ts"
import { limitsCompiler } from "./limits.ts"
import { callerDescriptions } from "./policies.ts"
import { spendCeiling } from "./spend-ceiling.ts"
import type { Caller, Credential, KeyStatus } from "../snapshot.ts"

/** A caller may have several tokens, and nearly all have one. */
export interface CompiledCaller {
  readonly caller: Caller
  /** Labels for chargeback. */
  readonly tags: CallerConfig["tags"]
  readonly token: CompiledToken
  readonly furtherTokens: readonly CompiledToken[]
}

export interface CompiledToken {
  /** The lower-case hex SHA-256 of the raw token. */
  readonly hash: string
  readonly credential: Credential
}

/** Callers whose entries share a list or a block share what is made of it. */
export function callerCompiler(config: Config): (entry: CallerConfig) => CompiledCaller {
  const describe = callerDescriptions(config)
  const limitsOf = limitsCompiler(config)
  const allowed = new WeakMap<readonly string[], ReadonlySet<string>>()
  return (entry) => {
    const known = allowed.get(entry.allow) ?? new Set(entry.allow)
    allowed.set(entry.allow, known)
    const caller: Caller = {
      id: entry.id,
      user: entry.owner_user,
      project: entry.project,
      environment: entry.environment,
      status: keyStatus(entry.status),
      allowed: known,
      limits: limitsOf(entry),
      ceiling: spendCeiling(entry.spend_ceiling),
      capture: entry.content_capture ?? null,
      ...describe(entry),
    }
    const first = { token_sha256: entry.token_sha256, token_id: entry.token_id, expires_at: entry.token_expires_at }
    return {
      caller,
      tags: entry.tags,
      token: compiledToken(first, caller),
      furtherTokens: entry.tokens.length === 0 ? NONE : entry.tokens.map((token) => compiledToken(token, caller)),
    }
  }
}

const NONE: readonly CompiledToken[] = []

function compiledToken(token: CallerConfig["tokens"][number], caller: Caller): CompiledToken {
  const expiresAt = token.expires_at === undefined ? null : Date.parse(token.expires_at)
  const hash = token.token_sha256.toLowerCase()
  return { hash, credential: { caller, tokenId: token.token_id, expiresAt, pseudonymKey: pseudonymKey(hash) } }
}

function keyStatus(status: CallerConfig["status"]): KeyStatus {
  return status === "removed" || status === "archived" ? "disabled" : status
}

function pseudonymKey(tokenHash: string): string {
  return new Bun.CryptoHasher("sha256").update(`conversations of ${tokenHash}`).digest("hex")
}
