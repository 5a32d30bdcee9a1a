/** Keys that the reference product documents and this router does not have, and keys that have a newer name. */
import type { Path } from "../schema/inspect.ts"

const CATALOGUE = "providers.*.models.*"
const TARGET = "models.*.targets.*"
const SCORE = "models.*.routing_policy.dynamic_score"

/** `*` stands for one name or place in a list. */
const FOREIGN: readonly string[] = [
  "state_path",
  "logging",
  ...["config_source", "identifiers", "license", "openai_compatibility", "state_path", "streaming"].map(inServer),
  ...["usage_db.enabled", "usage_db.migration_policy"].map(inServer),
  "server.traffic_shape.default_caller.enabled",
  "models.*.intelligent_routing",
  "models.*.script_max_concurrent",
  "models.*.external_policy.method",
  ...["budget_pressure", "recent_penalties", "*.fields"].map((key) => `${SCORE}.signals.${key}`),
  ...["complexity.weights", "evaluation_metadata.max_age_days"].map((key) => `${SCORE}.signals.${key}`),
  `${SCORE}.hard_filters.require_forced_tool_choice_support`,
  `${SCORE}.hard_filters.require_structured_output_support`,
  ...["max_ttfb_ms", "min_output_tokens_per_second"].map((key) => `${SCORE}.thresholds.${key}`),
  ...["low_confidence_fallback", "evaluation_metadata"].map((key) => `${SCORE}.${key}`),
  ...["dialect", "display_name", "weight", "rpm", "cost", "responses_to_chat"].map((key) => `${CATALOGUE}.${key}`),
  ...["rpm", "cost"].map((key) => `${TARGET}.${key}`),
  ...[CATALOGUE, TARGET].flatMap((model) => [
    `${model}.tool_support.provider_hosted`,
    `${model}.reasoning.default_on`,
    ...bridgeKeys(`${model}.bridges.chat_to_responses`),
    ...bridgeKeys(`${model}.bridges.responses_to_chat`),
  ]),
  ...bridgeKeys(`${TARGET}.responses_to_chat`),
  ...["providers.*", CATALOGUE, TARGET].flatMap((scope) =>
    ["queue", "output_reservation_tokens_per_sec", "output_reservation_token_burst"].map(
      (key) => `${scope}.traffic_shape.${key}`,
    ),
  ),
  ...["upstream_429_backoff", "upstream_quota_backoff"].map((key) => `callers.*.traffic_shape.${key}`),
  ...["email", "description", "display_name"].map((key) => `users.*.${key}`),
  ...["description", "display_name"].map((key) => `projects.*.${key}`),
  ...["source", "joined_at"].map((key) => `project_memberships.*.${key}`),
]

function inServer(key: string): string {
  return `server.${key}`
}

function bridgeKeys(bridge: string): readonly string[] {
  const keys = ["validation_status", "validation_notes", "stateful_sessions"]
  return [...keys, "stateful_sessions.redis"].map((key) => `${bridge}.${key}`)
}

const PATTERNS: readonly (readonly string[])[] = FOREIGN.map((pattern) => pattern.split("."))

const RENAMED: ReadonlyMap<string, string> = new Map([["callers.*.user", "owner_user"]])

/** Asked only of keys that the schema does not know. */
export function foreignKey(path: Path): boolean {
  return PATTERNS.some((pattern) => fits(path, pattern))
}

/** The key that took the place of the one at this path. */
export function renamedKey(path: Path): string | undefined {
  for (const [pattern, name] of RENAMED) if (fits(path, pattern.split("."))) return name
  return undefined
}

function fits(path: Path, pattern: readonly string[]): boolean {
  return path.length === pattern.length && pattern.every((part, depth) => part === "*" || part === path[depth])
}
