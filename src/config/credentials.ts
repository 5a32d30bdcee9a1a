/** Whose calls a token stands for. */
import type { CompiledLimits } from "../governance/state.ts"
import type { CallerConfig, Config } from "./config.ts"
import { CALLERS_AT_A_TIME } from "./limits.ts"
import { callerDescriptions } from "./policies.ts"
import { spendCeiling } from "./spend-ceiling.ts"
import type { Caller, Credential, KeyStatus } from "./snapshot.ts"

/** By lower-case hex SHA-256 of the raw token. Pauses between callers. */
export function* compileCredentials(
  config: Config,
  limits: ReadonlyMap<string, CompiledLimits | null>,
): Generator<void, Map<string, Credential>> {
  const credentials = new Map<string, Credential>()
  const describe = callerDescriptions(config)
  for (const [index, entry] of config.callers.entries()) {
    if ((index + 1) % CALLERS_AT_A_TIME === 0) yield
    const caller = { ...compileCaller(entry, limits.get(entry.id) ?? null), ...describe(entry) }
    const tokens = [
      { token_sha256: entry.token_sha256, token_id: entry.token_id, expires_at: entry.token_expires_at },
      ...entry.tokens,
    ]
    for (const token of tokens) {
      const expiresAt = token.expires_at === undefined ? null : Date.parse(token.expires_at)
      const hash = token.token_sha256.toLowerCase()
      credentials.set(hash, { caller, tokenId: token.token_id, expiresAt, pseudonymKey: pseudonymKey(hash) })
    }
  }
  return credentials
}

function compileCaller(
  entry: CallerConfig,
  limits: CompiledLimits | null,
): Omit<Caller, "userName" | "membershipRole"> {
  return {
    id: entry.id,
    user: entry.owner_user,
    project: entry.project,
    environment: entry.environment,
    status: keyStatus(entry.status),
    allowed: new Set(entry.allow),
    limits,
    ceiling: spendCeiling(entry.spend_ceiling),
  }
}

function keyStatus(status: CallerConfig["status"]): KeyStatus {
  return status === "removed" || status === "archived" ? "disabled" : status
}

function pseudonymKey(tokenHash: string): string {
  return new Bun.CryptoHasher("sha256").update(`conversations of ${tokenHash}`).digest("hex")
}
