/** Whose calls a token stands for. */
import type { CompiledLimits } from "../governance/state.ts"
import type { CallerConfig, Config } from "./config.ts"
import { callerDescription } from "./policies.ts"
import { spendCeiling } from "./spend-ceiling.ts"
import type { Caller, Credential, KeyStatus } from "./snapshot.ts"

/** By lower-case hex SHA-256 of the raw token. */
export function compileCredentials(
  config: Config,
  limits: ReadonlyMap<string, CompiledLimits | null>,
): Map<string, Credential> {
  const credentials = new Map<string, Credential>()
  for (const entry of config.callers) {
    const caller = { ...compileCaller(entry, limits.get(entry.id) ?? null), ...callerDescription(entry, config) }
    const tokens = [
      { token_sha256: entry.token_sha256, token_id: entry.token_id, expires_at: entry.token_expires_at },
      ...entry.tokens,
    ]
    for (const token of tokens) {
      const expiresAt = token.expires_at === undefined ? null : Date.parse(token.expires_at)
      credentials.set(token.token_sha256.toLowerCase(), { caller, tokenId: token.token_id, expiresAt })
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
    readsMetrics: entry.metrics_admin,
    allowed: new Set(entry.allow),
    limits,
    ceiling: spendCeiling(entry.spend_ceiling),
  }
}

function keyStatus(status: CallerConfig["status"]): KeyStatus {
  return status === "removed" || status === "archived" ? "disabled" : status
}
