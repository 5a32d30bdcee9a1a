/** What the strategies `script` and `external` are configured with, and what they may read about targets. */
import { scoreSettings } from "./score-settings.ts"
import type {
  CallerConfig,
  Config,
  ExternalPolicy,
  GroupConfig,
  ModelConfig,
  ProviderConfig,
  ScriptHttp,
  TargetConfig,
} from "../config.ts"
import { readTextFile } from "../read/sources.ts"
import type { Caller, StrategySettings } from "../snapshot.ts"
import type {
  ExternalSettings,
  FeedbackSettings,
  PolicyHttp,
  ScriptSettings,
  TargetDescription,
  VerifierHintRule,
} from "./policy-settings.ts"

type Entry = Pick<
  GroupConfig,
  "strategy" | "routing_policy" | "script" | "script_limits" | "script_http" | "external_policy" | "contract"
>

export function policySettings(entry: Entry): StrategySettings {
  const isBaseline = entry.strategy === "external" && entry.external_policy?.mode === "baseline"
  return {
    strategy: isBaseline ? "failover" : entry.strategy,
    score: scoreSettings(entry),
    script: entry.strategy === "script" ? scriptSettings(entry) : null,
    external:
      entry.strategy === "external" && entry.external_policy !== undefined && !isBaseline
        ? externalSettings(entry.external_policy, entry)
        : null,
  }
}

function scriptSettings(entry: Entry): ScriptSettings | null {
  const { script, script_limits: limits, script_http: http } = entry
  if (script === undefined) return null
  return {
    file: script,
    deadlineMs: limits?.deadline_ms ?? 50,
    memoryBytes: limits?.max_memory_bytes ?? 67_108_864,
    onError: limits?.on_error ?? "fail_closed",
    http: http?.enabled === true ? policyHttp(http) : null,
    contract: contractFacts(entry),
  }
}

function externalSettings(entry: ExternalPolicy, group: Entry): ExternalSettings {
  return {
    url: entry.url,
    http: policyHttp(entry),
    mode: entry.mode === "shadow" ? "shadow" : "live",
    onError: entry.on_error,
    includeRequest: entry.include_request,
    conversationSalt: entry.conversation_key?.salt ?? null,
    feedback: entry.feedback?.enabled === true ? feedbackSettings(entry.feedback, entry.url) : null,
    contract: contractFacts(group),
    verifierHints: entry.verifier_hints?.enabled === true ? verifierHintRule(entry.verifier_hints) : null,
  }
}

function verifierHintRule(entry: NonNullable<ExternalPolicy["verifier_hints"]>): VerifierHintRule {
  return {
    kinds: entry.allowed_kinds,
    maxSpecBytes: entry.max_spec_bytes,
    maxVersionChars: entry.max_version_len,
  }
}

function feedbackSettings(entry: NonNullable<ExternalPolicy["feedback"]>, policyUrl: string): FeedbackSettings {
  return {
    url: entry.url ?? feedbackUrl(policyUrl),
    timeoutMs: entry.timeout_ms,
    maxRetries: entry.max_retries,
    retryBackoffMs: entry.retry_backoff_ms,
    maxRequestBytes: entry.max_request_bytes,
    logFailures: entry.on_delivery_failure === "log",
  }
}

/** The policy's URL with `feedback` as its last segment. */
function feedbackUrl(policyUrl: string): string {
  return new URL("feedback", policyUrl).href
}

function policyHttp(entry: ScriptHttp | ExternalPolicy): PolicyHttp {
  return {
    allowHosts: new Set(entry.allow_hosts.map((host) => host.toLowerCase())),
    allowHttp: entry.allow_http,
    timeoutMs: entry.timeout_ms,
    maxResponseBytes: entry.max_response_bytes,
    headers: Object.fromEntries(Object.entries(entry.headers).map(([name, value]) => [name.toLowerCase(), value])),
  }
}

/** What tells two policies apart in a fingerprint: of a script its text, of a service neither address nor headers. */
export function strategyFacts(entry: Entry): unknown {
  const { script, external } = policySettings(entry)
  const http = script?.http ?? external?.http
  return [
    entry.strategy,
    script === null ? null : [hashOf(script.file), script.deadlineMs, script.memoryBytes, script.onError],
    external === null
      ? null
      : [external.mode, external.onError, external.includeRequest, external.feedback !== null, external.verifierHints],
    http === undefined ? null : [http.allowHttp, http.timeoutMs, http.maxResponseBytes],
  ]
}

/** A file that cannot be read is reported elsewhere. */
function hashOf(file: string): string | null {
  try {
    return new Bun.CryptoHasher("sha256").update(readTextFile(file)).digest("hex")
  } catch {
    return null
  }
}

export function callerDescriptions(
  config: Config,
): (caller: CallerConfig) => Pick<Caller, "userName" | "membershipRole"> {
  const names = new Map(config.users.map(({ id, name }) => [id, name]))
  const active = config.project_memberships.filter(({ status }) => status === "active")
  const roles = new Map(active.map(({ user_id: user, project, role }) => [memberKey(user, project), role]))
  return ({ owner_user: user, project }) => ({
    userName: names.get(user) ?? null,
    membershipRole: roles.get(memberKey(user, project)) ?? null,
  })
}

/** Ids hold no spaces. */
function memberKey(user: string, project: string): string {
  return `${user} ${project}`
}

/** What the target itself says wins over the catalogue. */
export function targetDescription(
  target: TargetConfig,
  catalogue: ModelConfig | undefined,
  provider: ProviderConfig,
): TargetDescription {
  const said = <Key extends keyof TargetConfig & keyof ModelConfig>(key: Key) => target[key] ?? catalogue?.[key] ?? null
  const reasoning = said("reasoning")
  const validation = Object.entries(target.validation ?? {}).filter(([, value]) => value !== undefined)
  return {
    baseUrl: provider.base_url,
    tier: said("tier"),
    displayName: target.display_name ?? null,
    tags: target.tags,
    keyConfigured: provider.api_key !== undefined || provider.auth_scheme === "none",
    honorsMaxTokens: said("honors_max_tokens") !== false,
    contextTokens: said("context_tokens"),
    maxOutputTokens: said("max_output_tokens"),
    inputPricePerMillionUsd: said("input_price_per_million_usd"),
    outputPricePerMillionUsd: said("output_price_per_million_usd"),
    inputModalities: said("input_modalities"),
    outputModalities: said("output_modalities"),
    toolSupport: toolSupport({ ...catalogue?.tool_support, ...target.tool_support }),
    reasoning:
      reasoning === null
        ? null
        : { supported: reasoning.supported, mode: reasoning.mode, control: reasoning.control ?? null },
    validation: validation.length === 0 ? null : camelCased(validation),
  }
}

function toolSupport(support: NonNullable<ModelConfig["tool_support"]>): TargetDescription["toolSupport"] {
  const known = Object.entries(support).filter(([, value]) => value !== undefined)
  return known.length === 0 ? null : camelCased(known)
}

function contractFacts({ contract }: Entry): Readonly<Record<string, unknown>> | null {
  return contract === undefined ? null : (deeplyCamelCased(contract) as Readonly<Record<string, unknown>>)
}

function deeplyCamelCased(value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value
  const known = Object.entries(value).filter(([, inner]) => inner !== undefined)
  return camelCased(known.map(([key, inner]) => [key, deeplyCamelCased(inner)] as const))
}

function camelCased<T>(entries: readonly (readonly [string, T | undefined])[]): Readonly<Record<string, T>> {
  return Object.fromEntries(
    entries.map(([key, value]) => [key.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()), value as T]),
  )
}
