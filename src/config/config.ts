/* oxlint-disable max-lines -- generated */
/**
 * A loaded configuration: the keys of the file, with every default applied, durations in milliseconds and paths absolute.
 * Generated from src/config/schema/config-schema.ts by `npm run docs`; a test fails when it is stale.
 */

/** The configuration of smart-router. */
export interface Config {
  /** The process itself. */
  readonly server: ServerConfig
  /** The upstreams, by a name that targets use. */
  readonly providers: Readonly<Record<string, ProviderConfig>>
  /** The model groups, by the name that callers use. */
  readonly models: Readonly<Record<string, GroupConfig>>
  /** People and services that own callers. */
  readonly users: readonly UserConfig[]
  /** The purposes of calls. */
  readonly projects: readonly ProjectConfig[]
  /** Which user belongs to which project. */
  readonly project_memberships: readonly MembershipConfig[]
  /** The callers. At most 10,000: for more there is `callers_file`. */
  readonly callers: readonly CallerConfig[]
  /** Further callers: one JSON object with the keys of `callers[]` on each line. Replace it in one step. */
  readonly callers_file?: string | undefined
}

/** Something that calls: one application or person in one project and environment. */
export interface CallerConfig {
  /** The id under which calls are recorded. */
  readonly id: string
  /** The user that answers for the calls. */
  readonly owner_user: string
  /** The project that the calls belong to. */
  readonly project: string
  /** `prod`, `dev`, or any other label. */
  readonly environment: string
  /** Only an `active` caller may call. */
  readonly status: "active" | "disabled" | "suspended" | "removed" | "archived" | "expired" | "rotated"
  /** SHA-256 of the raw token, which is stored nowhere. */
  readonly token_sha256: string
  /** The public part of the token; may appear in logs and reports. */
  readonly token_id: string
  /** From then on the token is refused; the further ones have their own `expires_at`. */
  readonly token_expires_at?: string | undefined
  /** Further tokens: rotation keeps the caller's budgets. */
  readonly tokens: readonly CallerToken[]
  /** Labels for chargeback: `caller_tags` in the usage database has them, with the time in which each held. */
  readonly tags: Readonly<Record<string, string>>
  /** May read /metrics. */
  readonly metrics_admin: boolean
  /** May delete captured content of its project in its environment. */
  readonly content_admin: boolean
  /** The model groups that may be called. */
  readonly allow: readonly string[]
  /** How fast the caller may call. What is absent comes from `server.default_caller`. */
  readonly rate: Rate
  /** The use that the caller may make in a day and a month. An absent key comes from `server.default_caller`. */
  readonly quota: Quota
  /** The lifetime budget of the caller. */
  readonly key: LifetimeKey
  /** Budgets in money. What is absent comes from `server.default_caller`. */
  readonly spend: Spend
  /** Bounds of the cost of one call at a target. Ceilings of group and caller both hold. */
  readonly spend_ceiling?: SpendCeilingConfig | undefined
  /** The caller's own token buckets, in place of `server.traffic_shape.default_caller`. */
  readonly traffic_shape?: CallerShaping | undefined
  /** Governed capture of content: what differs from `server.content_capture`. What a caller says wins over what its group says. */
  readonly content_capture?: OwnContentCapture | undefined
}

/** The caller's own token buckets, in place of `server.traffic_shape.default_caller`. */
export interface CallerShaping {
  /** `false` takes this caller out of traffic shaping. */
  readonly enabled: boolean
  /** Calls that may start in a second, on average. Unit: calls per second. */
  readonly request_start_per_sec: number
  /** Calls that may start at once. Unit: calls. */
  readonly request_burst: number
  /** Estimated input tokens in a second. Unit: tokens per second. */
  readonly input_tokens_per_sec: number
  /** Estimated input tokens at once. Unit: tokens. */
  readonly input_token_burst: number
  /** Estimated input and reserved output tokens in a second. Unit: tokens per second. */
  readonly total_reserved_tokens_per_sec: number
  /** Estimated input and reserved output tokens at once. Unit: tokens. */
  readonly total_reserved_token_burst: number
  /** Reserved output tokens in a second. Unit: tokens per second. */
  readonly output_reservation_tokens_per_sec: number
  /** Reserved output tokens at once. Unit: tokens. */
  readonly output_reservation_token_burst: number
  /** The waiting room of a caller. */
  readonly queue: ShapeQueue
}

/** The lifetime budget of the caller. */
export interface LifetimeKey {
  /** Tokens that this caller may ever use. Unit: tokens. */
  readonly lifetime_tokens: number
  /** From this share of the limit on, calls are recorded with a warning state. Unit: %. */
  readonly soft_pct: number
  /** The state of the caller when its lifetime budget is spent. */
  readonly on_exhaust: "disable"
}

/** A further token of the same caller. */
export interface CallerToken {
  /** SHA-256 of the raw token. */
  readonly token_sha256: string
  /** The public part of the token; may appear in logs and reports. */
  readonly token_id: string
  /** From then on the token is refused. */
  readonly expires_at?: string | undefined
}

/** That a user belongs to a project. */
export interface MembershipConfig {
  /** The user. */
  readonly user_id: string
  /** The project. */
  readonly project: string
  /** `developer`, `operator`, `owner`, `auditor`, or any other label. */
  readonly role: string
  /** Only what is `active` may be used. */
  readonly status: "active" | "disabled" | "suspended" | "removed" | "archived"
}

/** The purpose of calls. Its limits are shared by all of its callers. */
export interface ProjectConfig {
  /** The id that memberships and callers refer to. */
  readonly id: string
  /** A name for people. */
  readonly name?: string | undefined
  /** Only what is `active` may be used. */
  readonly status: "active" | "disabled" | "suspended" | "removed" | "archived"
  /** How fast calls may come, over all callers that share this block. */
  readonly rate: Rate
  /** How much may be used in a day and a month. */
  readonly quota: Quota
  /** Budgets in money, reserved like tokens. */
  readonly spend: Spend
}

/** A person or a service that owns callers. */
export interface UserConfig {
  /** The id that memberships and callers refer to. */
  readonly id: string
  /** A name for people. */
  readonly name?: string | undefined
  /** `person`, `service_account`, or any other label. */
  readonly type: string
  /** Only what is `active` may be used. */
  readonly status: "active" | "disabled" | "suspended" | "removed" | "archived"
}

/** A model group: a name for callers, and what may serve it. */
export interface GroupConfig {
  /** How the eligible targets are ordered. */
  readonly strategy: "static" | "failover" | "weighted" | "dynamic_score" | "script" | "external"
  /** Until first content of a stream, or the full body of a unary call. Absent: `server.upstream`'s. Unit: ms. */
  readonly attempt_timeout_ms?: number | undefined
  /** Further names that callers may use; governed as the group. */
  readonly aliases: readonly string[]
  /** When a call must change dialect and would lose something. */
  readonly translation: "off" | "warn" | "enforce"
  /** Of `static` and `failover`: targets that speak the client's dialect are tried first, the others follow as listed. The other strategies do so anyway, or leave it to their policy. */
  readonly prefer_native: boolean
  /** Tools that the provider executes. */
  readonly hosted_tools: "pass" | "strip" | "refuse"
  /** The fate of the request at the upstream when the client leaves. */
  readonly disconnect: "abort" | "drain"
  /** Whether targets must be proven before they serve, and how proofs are kept; see [activation](activation.md). A word alone is the `mode`. */
  readonly activation: ActivationConfig
  /** A second strategy whose choice is only recorded. */
  readonly shadow: ShadowStrategy | null
  /** The callers that share answers of the response cache: `caller`: each caller has its own, `shared`: all callers of the group. Counts where `server.cache` is enabled. */
  readonly cache: "caller" | "shared" | "off"
  /** Output tokens that are reserved for a stream without a cap. Unit: tokens. */
  readonly default_output_reservation?: number | undefined
  /** Pins of conversations to targets; they only reorder what is eligible. Absent: as by default. */
  readonly affinity?: Affinity | undefined
  /** The TypeScript file whose `route` function picks the target. */
  readonly script?: string | undefined
  /** How far a script may go, and what happens when it fails. */
  readonly script_limits?: ScriptLimits | undefined
  /** Addresses that `router.fetchJSON` may reach. */
  readonly script_http?: ScriptHttp | undefined
  /** An HTTP service that picks the target. */
  readonly external_policy?: ExternalPolicy | undefined
  /** Settings of the strategy `dynamic_score`. */
  readonly routing_policy?: RoutingPolicy | undefined
  /** The promise of the group. A filter before the strategy, after what the call itself needs. */
  readonly contract?: GroupContract | undefined
  /** Bounds of the cost of one call at a target. Ceilings of group and caller both hold. */
  readonly spend_ceiling?: SpendCeilingConfig | undefined
  /** The filter for personal data: see [privacy](privacy.md). */
  readonly pii_filter?: PiiFilter | undefined
  /** Governed capture of content: what differs from `server.content_capture`. What a caller says wins over what its group says. */
  readonly content_capture?: OwnContentCapture | undefined
  /** The targets; only these are active. */
  readonly targets: readonly TargetConfig[]
}

/** One provider and model that may serve calls of this group. */
export interface TargetConfig {
  /** The provider entry. */
  readonly provider: string
  /** An entry of that provider's catalogue. */
  readonly model_ref?: string | undefined
  /** The exact model id of the upstream, where the catalogue has no entry. */
  readonly model?: string | undefined
  /** Share of the calls in a `weighted` group. `0`: only as a fallback. */
  readonly weight: number
  /** The API that is spoken to this target, if not the provider's. */
  readonly dialect?: "openai-chat" | "openai-responses" | "anthropic" | undefined
  /** The time of an attempt, in place of the group's `attempt_timeout_ms`: until first content of a stream, or the full body of a unary call. Unit: ms. */
  readonly timeout_ms?: number | undefined
  /** Until the connection is made: name, TCP and TLS. Found out to a quarter of a second. Behind a `proxy` it is part of `first_byte_timeout_ms`. Unit: ms. */
  readonly connect_timeout_ms?: number | undefined
  /** From then until the answer's head arrives. Unit: ms. */
  readonly first_byte_timeout_ms?: number | undefined
  /** The longest silence of a stream, before its first content and behind it; comments and pings of the upstream count as signs of life. Unit: ms. */
  readonly silence_timeout_ms?: number | undefined
  /** A name for people. */
  readonly display_name?: string | undefined
  /** Labels that policies and contracts may ask for. */
  readonly tags: readonly string[]
  /** Serve only calls that carry tools. */
  readonly tool_only: boolean
  /** A free label (`cheap`, `heavy`, `coding`, …) that policies may use. */
  readonly tier?: string | undefined
  /** The context window. Calls whose estimated input and output cap exceed it are not sent there. Unit: tokens. */
  readonly context_tokens?: number | undefined
  /** The largest output. Unit: tokens. */
  readonly max_output_tokens?: number | undefined
  /** The most input tokens that one image takes: what is reserved for each. Absent: 25600 until the model has reported what its images take, and for larger images than those. Unit: tokens. */
  readonly max_image_tokens?: number | undefined
  /** The output cap of a call without one, where the API demands a cap (Messages). Absent: `max_output_tokens`, else by the model; never more than `context_tokens` leaves. Unit: tokens. */
  readonly default_output_tokens?: number | undefined
  /** The forms of input that the model takes. Absent: unknown; an empty list: nothing but text. */
  readonly input_modalities?: readonly ("text" | "image" | "video")[] | undefined
  /** The forms of output that the model returns. */
  readonly output_modalities?: readonly ("text" | "image" | "video")[] | undefined
  /** Price of input tokens. Unit: USD per million tokens. */
  readonly input_price_per_million_usd?: number | undefined
  /** Price of input tokens read from the provider's cache. Unit: USD per million tokens. */
  readonly cached_input_price_per_million_usd?: number | undefined
  /** Price of input tokens written to the provider's cache for five minutes. Unit: USD per million tokens. */
  readonly cache_write_price_per_million_usd?: number | undefined
  /** Price of input tokens written to the provider's cache for an hour. Unit: USD per million tokens. */
  readonly cache_write_1h_price_per_million_usd?: number | undefined
  /** Price of output tokens. Unit: USD per million tokens. */
  readonly output_price_per_million_usd?: number | undefined
  /** Price of input tokens that stand for images; absent: as other input. Unit: USD per million tokens. */
  readonly image_input_price_per_million_tokens_usd?: number | undefined
  /** Price of input tokens that stand for sound. Unit: USD per million tokens. */
  readonly audio_input_price_per_million_tokens_usd?: number | undefined
  /** Price of output tokens that stand for images. Unit: USD per million tokens. */
  readonly image_output_price_per_million_tokens_usd?: number | undefined
  /** Price of output tokens that stand for sound. Unit: USD per million tokens. */
  readonly audio_output_price_per_million_tokens_usd?: number | undefined
  /** Price of one input image. Unit: USD. */
  readonly image_input_price_per_image_usd?: number | undefined
  /** Prices for long inputs. */
  readonly price_tiers?: readonly PriceTier[] | undefined
  /** Factors on all prices, by the service tier that the provider reports; `fast` and `priority` are one. Without one the cost is unknown, but for the plain tier. */
  readonly service_tier_multipliers?: Readonly<Record<string, number>> | undefined
  /** Factors on all prices, by the speed that the provider reports (`fast`). Without one the cost is unknown, but for `standard`. */
  readonly speed_multipliers?: Readonly<Record<string, number>> | undefined
  /** Factors on all prices, by the place that the provider reports (`us`). Without one the cost is unknown, but for `global`. */
  readonly inference_geo_multipliers?: Readonly<Record<string, number>> | undefined
  /** Prices of tools that the provider executes, by use: `web_search`, `file_search`, `code_interpreter`, `image_generation`; `other`: uses that it does not name. Without one the cost of a call that used the tool is unknown. */
  readonly hosted_tool_prices_usd?: Readonly<Record<string, number>> | undefined
  /** Where the prices come from; copied to the rows. */
  readonly pricing_source?: string | undefined
  /** The date of the prices; copied to the rows. */
  readonly pricing_updated_at?: string | undefined
  /** Anything that an auditor should know about the prices. */
  readonly pricing_notes?: string | undefined
  /** Names by which answers may call the model where that is not its id, for example behind a deployment name. `smart-router validate` takes any other name for another model. */
  readonly answers_as?: readonly string[] | undefined
  /** `false`: the upstream ignores output caps, so calls with a cap are not sent there. */
  readonly honors_max_tokens?: boolean | undefined
  /** Send `store: false` upstream, whatever the client says, so that the provider keeps no answer. `anthropic` stores none anyway. */
  readonly force_store_false?: boolean | undefined
  /** Tools and structured output, for each API. Absent: unknown. */
  readonly tool_support?: ToolSupport | undefined
  /** The reasoning of the model. Absent: unknown. */
  readonly reasoning?: ReasoningSupport | undefined
  /** The requests that the model takes; all others are not sent there. `0` is no limit. */
  readonly request_shape_support?: RequestShapeSupport | undefined
  /** Which translations between the OpenAI APIs are meant for this model. Absent: the group's `translation` decides. */
  readonly bridges?: Bridges | undefined
  /** The parts of calls from another dialect that the upstream takes. Absent: by host, engine and model, as [dialects](dialects.md#what-upstreams-take) lists. Keys of a target win over its model's, those over the provider's. */
  readonly accepts?: Accepts | undefined
  /** For what no other key knows: fields of the body that are set or left out, in every dialect, also where the client's bytes would pass. Provider, model and target add up; what stands nearer to the target wins. What was left out is listed in `X-Router-Losses`. */
  readonly request?: RequestEdits | undefined
  /** Output tokens that are reserved for a stream without a cap. Unit: tokens. */
  readonly default_output_reservation?: number | undefined
  /** In place of the catalogue's. */
  readonly output_token_field?: "max_tokens" | "max_completion_tokens" | undefined
  /** In place of the provider's. */
  readonly beta_headers?: BetaHeaders | undefined
  /** Capacity that all callers share. Blocks of provider, model and target are cumulative. */
  readonly traffic_shape?: ProviderShaping | undefined
  /** From Responses clients to a Chat upstream. */
  readonly responses_to_chat?: ResponsesToChatBridge | undefined
  /** The operator's evidence that this target is good enough; a contract may ask for it. */
  readonly validation?: TargetValidation | undefined
  /** Thinking that is asked for on the Messages API when the call says nothing. */
  readonly default_thinking?: DefaultThinking | undefined
  /** Thinking that is asked for on the Chat API when the call says nothing. */
  readonly default_openai_chat_thinking?: DefaultChatThinking | undefined
  /** Where the target runs; recorded only. */
  readonly region?: string | undefined
}

/** Thinking that is asked for on the Chat API when the call says nothing. */
export interface DefaultChatThinking {
  /** The kind of thinking. */
  readonly type: "enabled" | "disabled" | "adaptive"
}

/** Thinking that is asked for on the Messages API when the call says nothing. */
export interface DefaultThinking {
  /** The kind of thinking. */
  readonly type: "enabled" | "disabled" | "adaptive"
  /** The thinking budget. Unit: tokens. */
  readonly budget_tokens?: number | undefined
}

/** The operator's evidence that this target is good enough; a contract may ask for it. */
export interface TargetValidation {
  /** The outcome of the validation. */
  readonly status?: string | undefined
  /** The workload that was validated. */
  readonly workload?: string | undefined
  /** When it was validated. */
  readonly validated_at?: string | undefined
  /** The quality score, 0 to 1. */
  readonly quality_score?: number | undefined
  /** The share of passed checks, 0 to 1. */
  readonly pass_rate?: number | undefined
  /** The tool that validated. */
  readonly harness?: string | undefined
}

/** Governed capture of content: what differs from `server.content_capture`. What a caller says wins over what its group says. */
export interface OwnContentCapture {
  /** Store content of these calls. `false` wins over whatever the server, the group or the caller says. */
  readonly enabled?: boolean | undefined
  /** How long content is kept. Unit: days. */
  readonly retention_days?: number | undefined
  /** Store requests. */
  readonly capture_request?: boolean | undefined
  /** Store answers, streams as their events. */
  readonly capture_response?: boolean | undefined
  /** Store calls of tools and their results, where they stand in requests and answers. Otherwise a mark takes their place. */
  readonly capture_tool_calls?: boolean | undefined
  /** Store images, sound and files, where they stand in requests and answers. Otherwise a mark takes their place. */
  readonly capture_images?: boolean | undefined
  /** Store the bodies of errors of upstreams, provider keys and hosts masked. */
  readonly capture_upstream_errors?: boolean | undefined
  /** Request headers that are stored. */
  readonly capture_headers_allowlist?: readonly string[] | undefined
  /** Redact secrets before storing; cannot be switched off. */
  readonly redact_before_storage?: boolean | undefined
  /** Regular expressions of what is redacted besides the built-in secrets. Those of all blocks that hold for a call count. */
  readonly redaction_patterns?: readonly string[] | undefined
  /** The most that is stored of one body. Unit: bytes. */
  readonly max_capture_bytes?: number | undefined
}

/** The filter for personal data: see [privacy](privacy.md). */
export interface PiiFilter {
  /** Filter personal data out of requests. */
  readonly enabled: boolean
  /** The consequence of a match. */
  readonly mode: "redact_only" | "redact_and_restore" | "fail_on_match"
  /** Put the originals back into the answer, whatever the mode. */
  readonly restore_response: boolean
  /** Refuse the call on a match, whatever the mode. */
  readonly fail_on_match: boolean
  /** More matches than this refuse the call. `0`: no limit, or 10,000 where answers are restored. */
  readonly max_replacements_per_request: number
  /** The parts that are filtered. */
  readonly apply_to: PiiScope
  /** The router's own detectors that look for personal data. */
  readonly detectors: readonly ("secret" | "email" | "iban" | "card" | "us_ssn" | "ip" | "phone")[]
  /** What else counts as personal data. */
  readonly rules: readonly PiiRule[]
}

/** One kind of personal data. */
export interface PiiRule {
  /** The name of the rule, in metrics. A rule with the name of a detector takes its place. */
  readonly name: string
  /** What is looked for, in the syntax of RE2. Matches of up to 1024 characters are found. */
  readonly expression: string
  /** E.g. `EMAIL` for `[EMAIL_QXWMVBTKCD]`. */
  readonly placeholder_prefix: string
}

/** The parts that are filtered. */
export interface PiiScope {
  /** System prompts and instructions, and the descriptions of tools. */
  readonly system: boolean
  /** Messages of Chat and Messages, with the arguments of tools in them. */
  readonly messages: boolean
  /** The input of Responses, with the arguments of tools in it. */
  readonly responses_input: boolean
  /** Results of tools. */
  readonly tool_results: boolean
  /** Addresses of images and files. What an address names is then another file, or none. */
  readonly image_urls: boolean
}

/** Bounds of the cost of one call at a target. Ceilings of group and caller both hold. */
export interface SpendCeilingConfig {
  /** The highest estimated cost of a call. Unit: USD. */
  readonly max_estimated_cost_usd: number
  /** The highest tier, in the order small, cheap, balanced, heavy, frontier; targets of no such tier are left out. Of another tier: that one alone. */
  readonly max_tier?: string | undefined
  /** The tiers that may serve; others are left out. */
  readonly allowed_tiers?: readonly string[] | undefined
  /** Ceilings by the target's tier. */
  readonly tier_ceilings: Readonly<Record<string, number>>
}

/** The promise of the group. A filter before the strategy, after what the call itself needs. */
export interface GroupContract {
  /** A name for people. */
  readonly display_name?: string | undefined
  /** Notes for callers; shown by /v1/models. */
  readonly caller_visible_notes?: string | undefined
  /** Purposes of the group. */
  readonly intended_workloads: readonly string[]
  /** The APIs that the group promises to serve. */
  readonly supported_api_shapes: readonly ("openai_chat" | "openai_responses" | "anthropic_messages")[]
  /** Abilities that every target of the group must have. */
  readonly required_capabilities?: ContractCapabilities | undefined
  /** Evidence that every target must have. */
  readonly quality_floor?: ContractQualityFloor | undefined
  /** Live figures that a target must keep, once enough was observed. */
  readonly operational_targets?: ContractOperationalTargets | undefined
  /** Parts of the contract that rows hold. */
  readonly reporting?: ContractReporting | undefined
}

/** Parts of the contract that rows hold. */
export interface ContractReporting {
  /** Record the first of the intended workloads. */
  readonly expose_workload_labels: boolean
  /** Record the bucket of the promised quality. */
  readonly expose_quality_floor_bucket: boolean
}

/** Live figures that a target must keep, once enough was observed. */
export interface ContractOperationalTargets {
  /** The highest p95 latency. `0`: any. Unit: ms. */
  readonly max_p95_latency_ms?: number | undefined
  /** The highest error rate. */
  readonly max_error_rate?: number | undefined
  /** The highest timeout rate. */
  readonly max_timeout_rate?: number | undefined
  /** The lowest output rate. Unit: tokens per second. */
  readonly min_output_tokens_per_sec?: number | undefined
}

/** Evidence that every target must have. */
export interface ContractQualityFloor {
  /** Targets must carry all of these tags. */
  readonly require_tags: readonly string[]
  /** The lowest quality score. */
  readonly min_eval_quality_score?: number | undefined
  /** The lowest pass rate. */
  readonly min_eval_pass_rate?: number | undefined
  /** The oldest evidence. `0`: any age. Unit: days. */
  readonly max_eval_age_days?: number | undefined
  /** The statuses that count. Empty: any. */
  readonly allowed_validation_status: readonly string[]
}

/** Abilities that every target of the group must have. */
export interface ContractCapabilities {
  /** Targets must take tools. */
  readonly tools?: boolean | undefined
  /** Targets must take a forced tool choice. */
  readonly forced_tool_choice?: boolean | undefined
  /** Targets must take structured outputs. */
  readonly structured_outputs?: boolean | undefined
  /** Targets must take all of these. */
  readonly input_modalities?: readonly ("text" | "image" | "video")[] | undefined
  /** Targets must return all of these. */
  readonly output_modalities?: readonly ("text" | "image" | "video")[] | undefined
  /** Targets must have at least this context window. Unit: tokens. */
  readonly min_context_tokens?: number | undefined
  /** Targets must reason. */
  readonly reasoning?: boolean | undefined
  /** Targets must honour caps. */
  readonly honors_max_tokens_when_caller_capped?: boolean | undefined
}

/** A second strategy whose choice is only recorded. */
export interface ShadowStrategy {
  /** The strategy to compare with. */
  readonly strategy: "static" | "failover" | "weighted" | "dynamic_score" | "script" | "external"
  /** The TypeScript file whose `route` function picks the target. */
  readonly script?: string | undefined
  /** How far a script may go, and what happens when it fails. */
  readonly script_limits?: ScriptLimits | undefined
  /** Addresses that `router.fetchJSON` may reach. */
  readonly script_http?: ScriptHttp | undefined
  /** An HTTP service that picks the target. */
  readonly external_policy?: ExternalPolicy | undefined
  /** Settings of the strategy `dynamic_score`. */
  readonly routing_policy?: RoutingPolicy | undefined
}

/** Settings of the strategy `dynamic_score`. */
export interface RoutingPolicy {
  /** Score the targets of the group by live figures. */
  readonly dynamic_score?: DynamicScore | undefined
}

/** Score the targets of the group by live figures. */
export interface DynamicScore {
  /** The order until enough was observed. */
  readonly cold_start_policy: "configured_weight"
  /** Observations of a target before its score counts in full. */
  readonly min_observations: number
  /** How far back observations count. Unit: s. */
  readonly observation_window_seconds: number
  /** How far a score may move a weight. Unit: %. */
  readonly max_score_adjustment_percent: number
  /** Share of the calls that begin with another target, to learn about it. Unit: %. */
  readonly exploration_percent: number
  /** Filters before the score. */
  readonly hard_filters?: HardFilters | undefined
  /** Signals that the score may look at. */
  readonly signals?: ScoreSignals | undefined
  /** The terms of the score. None: a formula of its own. */
  readonly score_terms: readonly ScoreTerm[]
  /** Targets beyond these come after the others, once enough was observed. */
  readonly thresholds?: ScoreThresholds | undefined
  /** Pins of conversations to targets; they only reorder what is eligible. Absent: as by default. */
  readonly affinity?: Affinity | undefined
}

/** Pins of conversations to targets; they only reorder what is eligible. Absent: as by default. */
export interface Affinity {
  /** Keep the calls of a conversation on one target. */
  readonly enabled: boolean
  /** How long a pin lasts without a call. Where only the issuer can read the reasoning, it lasts a day. Unit: s. */
  readonly ttl_seconds: number
  /** The most pins of the group; those used least recently give way. `0`: none. */
  readonly max_entries: number
}

/** Targets beyond these come after the others, once enough was observed. */
export interface ScoreThresholds {
  /** The highest error rate. */
  readonly max_error_rate?: number | undefined
  /** The highest timeout rate. */
  readonly max_timeout_rate?: number | undefined
  /** The highest p95 latency. Unit: ms. */
  readonly max_p95_latency_ms?: number | undefined
}

/** One term of the score. */
export interface ScoreTerm {
  /** A name for traces. */
  readonly name: string
  /** The calls that this term counts for. Absent: all. */
  readonly when?: ScoreCondition | undefined
  /** Only targets with all of these tags score; for others it is 0. */
  readonly require_tags: readonly string[]
  /** A linear formula over score names, e.g. `0.6*cost_score + 0.4*latency_score`. */
  readonly expression: string
}

/** The calls that this term counts for. Absent: all. */
export interface ScoreCondition {
  /** Calls up to this complexity. */
  readonly complexity_lte?: "simple" | "standard" | "complex" | undefined
  /** Calls from this complexity on. */
  readonly complexity_gte?: "simple" | "standard" | "complex" | undefined
}

/** Signals that the score may look at. */
export interface ScoreSignals {
  /** Whether the shape of the request counts. */
  readonly request_shape?: SignalSwitch | undefined
  /** Features that are found in the prompt. */
  readonly prompt_features?: PromptFeatures | undefined
  /** Whether the complexity bucket counts. */
  readonly complexity?: SignalSwitch | undefined
  /** Whether the live windows counts. */
  readonly observed_performance?: SignalSwitch | undefined
  /** Whether the price counts. */
  readonly cost?: SignalSwitch | undefined
  /** Whether the evaluation scores counts. */
  readonly evaluation_metadata?: SignalSwitch | undefined
}

/** Features that are found in the prompt. */
export interface PromptFeatures {
  /** Look for features in the prompt. */
  readonly enabled: boolean
  /** How far the prompt is read. Unit: bytes. */
  readonly max_scan_bytes: number
  /** The features to look for. */
  readonly features: readonly (
    | "code"
    | "diff"
    | "stack_trace"
    | "summarize"
    | "extract"
    | "security_review"
    | "tool_agent"
  )[]
}

/** Whether the shape of the request counts. */
export interface SignalSwitch {
  /** Whether this counts. */
  readonly enabled: boolean
}

/** Filters before the score. */
export interface HardFilters {
  /** Only targets that speak the client's API. */
  readonly require_requested_api_skin?: boolean | undefined
  /** Only targets that take what the call holds. */
  readonly require_input_modalities?: boolean | undefined
  /** Only targets with tools, where the call has some. */
  readonly require_tool_support_when_tools_present?: boolean | undefined
  /** Only targets that reason, where the call asks for it. */
  readonly require_reasoning_support_when_requested?: boolean | undefined
  /** Only targets that honour caps, where the call has one. */
  readonly require_honors_max_tokens_when_caller_capped?: boolean | undefined
}

/** An HTTP service that picks the target. */
export interface ExternalPolicy {
  /** The policy service. */
  readonly url: string
  /** The hosts that may be called: exact names, no wildcards. */
  readonly allow_hosts: readonly string[]
  /** Time for a decision. Unit: ms. */
  readonly timeout_ms: number
  /** The largest answer. Unit: bytes. */
  readonly max_response_bytes: number
  /** Headers of the call to the service. */
  readonly headers: Readonly<Record<string, string>>
  /** `live` (or `enforce`): the service decides. `shadow`: it is asked and recorded, the configured order counts. `baseline`: it is not asked. */
  readonly mode: "live" | "enforce" | "shadow" | "baseline"
  /** `fallback`: the configured order when the service fails. */
  readonly on_error: "fail_closed" | "fallback"
  /** Also call hosts other than loopback without TLS. */
  readonly allow_http: boolean
  /** Send the content of the call to the service. */
  readonly include_request: boolean
  /** A stable, anonymous key of the conversation. */
  readonly conversation_key?: ConversationKey | undefined
  /** Reports to the policy service after a call. Never affects the caller. */
  readonly feedback?: PolicyFeedback | undefined
  /** Hints on verification in the `metadata` of calls, which travel to the policy service. The router runs none of them. */
  readonly verifier_hints?: VerifierHints | undefined
}

/** Hints on verification in the `metadata` of calls, which travel to the policy service. The router runs none of them. */
export interface VerifierHints {
  /** Pass on what callers say about how an answer can be verified. */
  readonly enabled: boolean
  /** The kinds that are passed on. */
  readonly allowed_kinds: readonly ("none" | "exact" | "regex" | "json_schema")[]
  /** The largest hint. Unit: bytes. */
  readonly max_spec_bytes: number
  /** The longest version label. Unit: characters. */
  readonly max_version_len: number
}

/** Reports to the policy service after a call. Never affects the caller. */
export interface PolicyFeedback {
  /** Report each finished call to the policy service. */
  readonly enabled: boolean
  /** Where to. Absent: the policy's URL with `feedback` as its last segment. */
  readonly url?: string | undefined
  /** Time for one delivery. Unit: ms. */
  readonly timeout_ms: number
  /** Further tries. */
  readonly max_retries: number
  /** Pause before a further try; grows linearly. Unit: ms. */
  readonly retry_backoff_ms: number
  /** The largest report. Unit: bytes. */
  readonly max_request_bytes: number
  /** The consequence of a failed delivery. */
  readonly on_delivery_failure: "log" | "ignore"
}

/** A stable, anonymous key of the conversation. */
export interface ConversationKey {
  /** Salt of the conversation key. */
  readonly salt: string
}

/** Addresses that `router.fetchJSON` may reach. */
export interface ScriptHttp {
  /** Let the script call the hosts below. */
  readonly enabled: boolean
  /** The hosts that may be called: exact names, no wildcards. */
  readonly allow_hosts: readonly string[]
  /** Time for one call. Unit: ms. */
  readonly timeout_ms: number
  /** The largest answer. Unit: bytes. */
  readonly max_response_bytes: number
  /** Headers that are added by the router and stay invisible to the script. */
  readonly headers: Readonly<Record<string, string>>
  /** Also call hosts other than loopback without TLS. */
  readonly allow_http: boolean
}

/** How far a script may go, and what happens when it fails. */
export interface ScriptLimits {
  /** Computing time of one call; what takes longer is stopped. Unit: ms. */
  readonly deadline_ms: number
  /** The memory of the script. Unit: bytes. */
  readonly max_memory_bytes: number
  /** `fallback`: the configured order when the script fails. */
  readonly on_error: "fail_closed" | "fallback"
}

/** Whether targets must be proven before they serve, and how proofs are kept; see [activation](activation.md). A word alone is the `mode`. */
export interface ActivationConfig {
  /** `required`: a target serves a call only while it has passing, unexpired records for all that the call needs. `observe`: what would be refused is recorded, and served. `off`: nothing is asked. */
  readonly mode: "off" | "observe" | "required"
  /** `serve` checks anew what was proven so long ago. Absent: only `smart-router validate` checks. Unit: a duration; milliseconds once loaded. */
  readonly revalidate?: number | undefined
  /** How long a record holds. An imported one holds no longer than it says. Unit: a duration; milliseconds once loaded. */
  readonly expires_after: number
  /** The most that checks of `revalidate` may cost in a day (UTC), for the targets of this group. */
  readonly max_usd_per_day: number
  /** Imported records count where one of these keys has signed them. */
  readonly trust: readonly string[]
}

/** One API shape of one upstream. */
export interface ProviderConfig {
  /** Where the API is. For `anthropic` with or without a trailing /v1. */
  readonly base_url: string
  /** The API that this entry speaks. An upstream with several APIs has several entries. */
  readonly dialect: "openai-chat" | "openai-responses" | "anthropic"
  /** The provider's key. Absent: no authorisation header is sent at all. */
  readonly api_key?: string | undefined
  /** Another way to write `api_key: ${NAME}`. */
  readonly api_key_env?: string | undefined
  /** How the key is sent. Where the file says nothing: `x-api-key` for `anthropic`, else `bearer`. */
  readonly auth_scheme: string
  /** A label of the key that may appear in logs and policies. */
  readonly key_id?: string | undefined
  /** Headers that are added to every call. */
  readonly headers: Readonly<Record<string, string>>
  /** Parameters that are added to every upstream URL. */
  readonly query: Readonly<Record<string, string>>
  /** An egress proxy. May hold user and password. */
  readonly proxy?: string | undefined
  /** A private authority and a client certificate. */
  readonly tls?: ProviderTls | undefined
  /** Further client headers that may go upstream. */
  readonly forward_headers: readonly string[]
  /** For servers that speak the `anthropic` dialect but not all of its betas. Left out: everything goes. What is taken out is listed in `X-Router-Losses`. */
  readonly beta_headers?: BetaHeaders | undefined
  /** The server behind `base_url`, which tells what it takes. Absent: that of `engine_metrics`, else the host tells. */
  readonly engine?: "vllm" | "sglang" | "llama.cpp" | "ollama" | "lm-studio" | "other" | undefined
  /** The parts of calls from another dialect that the upstream takes. Absent: by host, engine and model, as [dialects](dialects.md#what-upstreams-take) lists. Keys of a target win over its model's, those over the provider's. */
  readonly accepts?: Accepts | undefined
  /** For what no other key knows: fields of the body that are set or left out, in every dialect, also where the client's bytes would pass. Provider, model and target add up; what stands nearer to the target wins. What was left out is listed in `X-Router-Losses`. */
  readonly request?: RequestEdits | undefined
  /** The whole of a unary call. In place of the server's, also for first byte and silence. Unit: ms. */
  readonly timeout_ms?: number | undefined
  /** Until the connection is made: name, TCP and TLS. Found out to a quarter of a second. Behind a `proxy` it is part of `first_byte_timeout_ms`. Unit: ms. */
  readonly connect_timeout_ms?: number | undefined
  /** From then until the answer's head arrives. Unit: ms. */
  readonly first_byte_timeout_ms?: number | undefined
  /** The longest silence of a stream, before its first content and behind it; comments and pings of the upstream count as signs of life. Unit: ms. */
  readonly silence_timeout_ms?: number | undefined
  /** Capacity that all callers share. Blocks of provider, model and target are cumulative. */
  readonly traffic_shape?: ProviderShaping | undefined
  /** The metrics of a private engine, so that `dynamic_score` knows how busy it is. Neither key nor headers are sent there. */
  readonly engine_metrics?: EngineMetrics | undefined
  /** The catalogue: facts about models, by a name that targets use as `model_ref`. */
  readonly models: Readonly<Record<string, ModelConfig>>
}

/** Facts about one model. Nothing is active because it stands here. */
export interface ModelConfig {
  /** The exact model id of the upstream. */
  readonly model: string
  /** A free label (`cheap`, `heavy`, `coding`, …) that policies may use. */
  readonly tier?: string | undefined
  /** The context window. Calls whose estimated input and output cap exceed it are not sent there. Unit: tokens. */
  readonly context_tokens?: number | undefined
  /** The largest output. Unit: tokens. */
  readonly max_output_tokens?: number | undefined
  /** The most input tokens that one image takes: what is reserved for each. Absent: 25600 until the model has reported what its images take, and for larger images than those. Unit: tokens. */
  readonly max_image_tokens?: number | undefined
  /** The output cap of a call without one, where the API demands a cap (Messages). Absent: `max_output_tokens`, else by the model; never more than `context_tokens` leaves. Unit: tokens. */
  readonly default_output_tokens?: number | undefined
  /** The forms of input that the model takes. Absent: unknown; an empty list: nothing but text. */
  readonly input_modalities?: readonly ("text" | "image" | "video")[] | undefined
  /** The forms of output that the model returns. */
  readonly output_modalities?: readonly ("text" | "image" | "video")[] | undefined
  /** Price of input tokens. Unit: USD per million tokens. */
  readonly input_price_per_million_usd?: number | undefined
  /** Price of input tokens read from the provider's cache. Unit: USD per million tokens. */
  readonly cached_input_price_per_million_usd?: number | undefined
  /** Price of input tokens written to the provider's cache for five minutes. Unit: USD per million tokens. */
  readonly cache_write_price_per_million_usd?: number | undefined
  /** Price of input tokens written to the provider's cache for an hour. Unit: USD per million tokens. */
  readonly cache_write_1h_price_per_million_usd?: number | undefined
  /** Price of output tokens. Unit: USD per million tokens. */
  readonly output_price_per_million_usd?: number | undefined
  /** Price of input tokens that stand for images; absent: as other input. Unit: USD per million tokens. */
  readonly image_input_price_per_million_tokens_usd?: number | undefined
  /** Price of input tokens that stand for sound. Unit: USD per million tokens. */
  readonly audio_input_price_per_million_tokens_usd?: number | undefined
  /** Price of output tokens that stand for images. Unit: USD per million tokens. */
  readonly image_output_price_per_million_tokens_usd?: number | undefined
  /** Price of output tokens that stand for sound. Unit: USD per million tokens. */
  readonly audio_output_price_per_million_tokens_usd?: number | undefined
  /** Price of one input image. Unit: USD. */
  readonly image_input_price_per_image_usd?: number | undefined
  /** Prices for long inputs. */
  readonly price_tiers?: readonly PriceTier[] | undefined
  /** Factors on all prices, by the service tier that the provider reports; `fast` and `priority` are one. Without one the cost is unknown, but for the plain tier. */
  readonly service_tier_multipliers?: Readonly<Record<string, number>> | undefined
  /** Factors on all prices, by the speed that the provider reports (`fast`). Without one the cost is unknown, but for `standard`. */
  readonly speed_multipliers?: Readonly<Record<string, number>> | undefined
  /** Factors on all prices, by the place that the provider reports (`us`). Without one the cost is unknown, but for `global`. */
  readonly inference_geo_multipliers?: Readonly<Record<string, number>> | undefined
  /** Prices of tools that the provider executes, by use: `web_search`, `file_search`, `code_interpreter`, `image_generation`; `other`: uses that it does not name. Without one the cost of a call that used the tool is unknown. */
  readonly hosted_tool_prices_usd?: Readonly<Record<string, number>> | undefined
  /** Where the prices come from; copied to the rows. */
  readonly pricing_source?: string | undefined
  /** The date of the prices; copied to the rows. */
  readonly pricing_updated_at?: string | undefined
  /** Anything that an auditor should know about the prices. */
  readonly pricing_notes?: string | undefined
  /** Names by which answers may call the model where that is not its id, for example behind a deployment name. `smart-router validate` takes any other name for another model. */
  readonly answers_as?: readonly string[] | undefined
  /** `false`: the upstream ignores output caps, so calls with a cap are not sent there. */
  readonly honors_max_tokens: boolean
  /** Send `store: false` upstream, whatever the client says, so that the provider keeps no answer. `anthropic` stores none anyway. */
  readonly force_store_false: boolean
  /** Tools and structured output, for each API. Absent: unknown. */
  readonly tool_support?: ToolSupport | undefined
  /** The reasoning of the model. Absent: unknown. */
  readonly reasoning?: ReasoningSupport | undefined
  /** The requests that the model takes; all others are not sent there. `0` is no limit. */
  readonly request_shape_support?: RequestShapeSupport | undefined
  /** Which translations between the OpenAI APIs are meant for this model. Absent: the group's `translation` decides. */
  readonly bridges?: Bridges | undefined
  /** The parts of calls from another dialect that the upstream takes. Absent: by host, engine and model, as [dialects](dialects.md#what-upstreams-take) lists. Keys of a target win over its model's, those over the provider's. */
  readonly accepts?: Accepts | undefined
  /** For what no other key knows: fields of the body that are set or left out, in every dialect, also where the client's bytes would pass. Provider, model and target add up; what stands nearer to the target wins. What was left out is listed in `X-Router-Losses`. */
  readonly request?: RequestEdits | undefined
  /** Output tokens that are reserved for a stream without a cap. Unit: tokens. */
  readonly default_output_reservation?: number | undefined
  /** The name of the output cap that the server reads: a client's cap under another name is not taken for one by limits, and the router writes its own under this one. Chat upstreams only. Where the file says nothing: `max_completion_tokens` for api.openai.com, else `max_tokens`. */
  readonly output_token_field: "max_tokens" | "max_completion_tokens"
  /** Capacity that all callers share. Blocks of provider, model and target are cumulative. */
  readonly traffic_shape?: ProviderShaping | undefined
}

/** Which translations between the OpenAI APIs are meant for this model. Absent: the group's `translation` decides. */
export interface Bridges {
  /** From Chat clients to a Responses upstream. */
  readonly chat_to_responses?: ChatToResponsesBridge | undefined
  /** From Responses clients to a Chat upstream. */
  readonly responses_to_chat?: ResponsesToChatBridge | undefined
}

/** From Responses clients to a Chat upstream. */
export interface ResponsesToChatBridge {
  /** `false`: calls of Responses clients are not translated onto this Chat upstream. */
  readonly enabled: boolean
  /** `false`: calls, all of which hold text, do not cross this bridge. Absent: nothing is said against them. */
  readonly text?: boolean | undefined
  /** `false`: calls with tools of the client do not cross this bridge. Absent: nothing is said against them. */
  readonly tools?: boolean | undefined
  /** `false`: calls with tools of the client do not cross this bridge. Absent: nothing is said against them. */
  readonly function_tools?: boolean | undefined
  /** `false`: calls that force or forbid tools do not cross this bridge. Absent: nothing is said against them. */
  readonly tool_choice?: boolean | undefined
  /** `false`: calls that say `parallel_tool_calls` do not cross this bridge. Absent: nothing is said against them. */
  readonly parallel_tool_calls?: boolean | undefined
  /** `false`: calls that ask for JSON or a schema do not cross this bridge. Absent: nothing is said against them. */
  readonly structured_outputs?: boolean | undefined
  /** `false`: calls with images do not cross this bridge. Absent: nothing is said against them. */
  readonly images?: boolean | undefined
  /** `false`: calls that ask for reasoning do not cross this bridge. Absent: nothing is said against them. */
  readonly reasoning?: boolean | undefined
  /** `false`: streamed calls do not cross this bridge. Absent: nothing is said against them. */
  readonly streaming?: boolean | undefined
  /** The state of the checks behind this block. */
  readonly validation_status?: string | undefined
  /** Notes on the checks behind this block. */
  readonly validation_notes?: string | undefined
}

/** From Chat clients to a Responses upstream. */
export interface ChatToResponsesBridge {
  /** `false`: calls of Chat clients are not translated onto this Responses upstream. */
  readonly enabled: boolean
  /** `false`: calls, all of which hold text, do not cross this bridge. Absent: nothing is said against them. */
  readonly text?: boolean | undefined
  /** `false`: calls with tools of the client do not cross this bridge. Absent: nothing is said against them. */
  readonly tools?: boolean | undefined
  /** `false`: calls with tools of the client do not cross this bridge. Absent: nothing is said against them. */
  readonly function_tools?: boolean | undefined
  /** `false`: calls that force or forbid tools do not cross this bridge. Absent: nothing is said against them. */
  readonly tool_choice?: boolean | undefined
  /** `false`: calls that say `parallel_tool_calls` do not cross this bridge. Absent: nothing is said against them. */
  readonly parallel_tool_calls?: boolean | undefined
  /** `false`: calls that ask for JSON or a schema do not cross this bridge. Absent: nothing is said against them. */
  readonly structured_outputs?: boolean | undefined
  /** `false`: calls with images do not cross this bridge. Absent: nothing is said against them. */
  readonly images?: boolean | undefined
  /** `false`: calls that ask for reasoning do not cross this bridge. Absent: nothing is said against them. */
  readonly reasoning?: boolean | undefined
  /** `false`: streamed calls do not cross this bridge. Absent: nothing is said against them. */
  readonly streaming?: boolean | undefined
  /** Sessions across a stateless client API. */
  readonly stateful_sessions?: BridgeSessions | undefined
}

/** Sessions across a stateless client API. */
export interface BridgeSessions {
  /** Keep the upstream's response id between the turns of a session. */
  readonly enabled: boolean
  /** Where the ids are kept. */
  readonly backend: "memory" | "redis"
  /** The request header that names the session. */
  readonly session_header: string
  /** How long an id is kept. Unit: s. */
  readonly ttl_seconds: number
  /** The most ids that are kept. */
  readonly max_entries: number
}

/** The requests that the model takes; all others are not sent there. `0` is no limit. */
export interface RequestShapeSupport {
  /** Only calls that hold all of these are served: for specialists. */
  readonly required_input_modalities?: readonly ("text" | "image" | "video")[] | undefined
  /** The largest request body. Unit: bytes. */
  readonly max_request_bytes?: number | undefined
  /** The largest input, as estimated from the size of the body. Unit: tokens. */
  readonly max_estimated_input_tokens?: number | undefined
  /** The smallest output cap that a call may name. Unit: tokens. */
  readonly min_requested_output_tokens?: number | undefined
  /** The largest output cap that a call may name. Unit: tokens. */
  readonly max_requested_output_tokens?: number | undefined
  /** The largest total of tool schemas. Unit: bytes. */
  readonly max_tool_schema_bytes?: number | undefined
  /** `false`: calls with tools and more than 64 KiB are not served. */
  readonly supports_large_coding_agent_payloads?: boolean | undefined
  /** Clients of these dialects are served. */
  readonly supported_inbound_dialects?: readonly ("openai-chat" | "openai-responses" | "anthropic")[] | undefined
  /** Request features that are not served: top-level fields, types of items, blocks, parts and tools, `forced_tool_choice`. */
  readonly unsupported_request_features?: readonly string[] | undefined
  /** The state of the checks behind this block. */
  readonly validation_status?: string | undefined
  /** Notes on the checks behind this block. */
  readonly validation_notes?: string | undefined
}

/** The reasoning of the model. Absent: unknown. */
export interface ReasoningSupport {
  /** Whether the model can reason. */
  readonly supported: boolean
  /** `always_on`: it cannot be switched off, so calls of its own dialect that do are not sent there. */
  readonly mode: "opt_in" | "always_on"
  /** How a call sets the amount of reasoning. `adaptive`: Anthropic's, by `output_config.effort`. Absent: by the model, as [dialects](dialects.md#what-upstreams-take) lists. */
  readonly control?: "effort_enum" | "token_budget" | "adaptive" | undefined
  /** The effort words that the model knows; others become the nearest. Absent: by the model, else all. */
  readonly efforts?: readonly string[] | undefined
  /** The kind of thinking that stands for none. Messages. */
  readonly off?: "disabled" | "between_tools" | undefined
  /** The smallest reasoning budget. Unit: tokens. */
  readonly min_budget_tokens?: number | undefined
  /** The largest reasoning budget. Unit: tokens. */
  readonly max_budget_tokens?: number | undefined
  /** The reasoning budget must be less than the output cap. */
  readonly budget_must_be_less_than_max_tokens?: boolean | undefined
  /** The block in which reasoning arrives in a stream: `none`, `thinking`, or another name. */
  readonly stream_block?: string | undefined
  /** The upstream refuses `max_tokens`; `max_completion_tokens` is sent. */
  readonly rejects_max_tokens?: boolean | undefined
  /** The upstream refuses `temperature`. */
  readonly rejects_temperature?: boolean | undefined
  /** The upstream refuses `top_p`. */
  readonly rejects_top_p?: boolean | undefined
  /** The model returns summaries of its reasoning. */
  readonly supports_summaries?: boolean | undefined
}

/** Tools and structured output, for each API. Absent: unknown. */
export interface ToolSupport {
  /** Capabilities on the Chat API. Empty: none. */
  readonly openai_chat?: readonly ("tools" | "tool_choice" | "structured_outputs")[] | undefined
  /** Capabilities on the Responses API. Empty: none. */
  readonly openai_responses?: readonly ("function" | "structured_outputs")[] | undefined
  /** Capabilities on the Messages API. Empty: none. A list without `structured_outputs` says nothing about them. */
  readonly anthropic_messages?: readonly ("client_tools" | "structured_outputs")[] | undefined
}

/** Other prices for long inputs. What a tier does not name stays as it is. */
export interface PriceTier {
  /** The tier counts for calls with more input tokens than this. Unit: tokens. */
  readonly above_input_tokens: number
  /** Price of input tokens. Unit: USD per million tokens. */
  readonly input_price_per_million_usd?: number | undefined
  /** Price of input tokens read from the provider's cache. Unit: USD per million tokens. */
  readonly cached_input_price_per_million_usd?: number | undefined
  /** Price of input tokens written to the provider's cache for five minutes. Unit: USD per million tokens. */
  readonly cache_write_price_per_million_usd?: number | undefined
  /** Price of input tokens written to the provider's cache for an hour. Unit: USD per million tokens. */
  readonly cache_write_1h_price_per_million_usd?: number | undefined
  /** Price of output tokens. Unit: USD per million tokens. */
  readonly output_price_per_million_usd?: number | undefined
}

/** The metrics of a private engine, so that `dynamic_score` knows how busy it is. Neither key nor headers are sent there. */
export interface EngineMetrics {
  /** Whose metric names are read. */
  readonly engine: "vllm" | "sglang"
  /** Where the metrics are. Absent: `/metrics` at the host of `base_url`. */
  readonly url?: string | undefined
  /** Pause between two readings. Unit: ms. */
  readonly interval_ms: number
  /** Time for one reading. Unit: ms. */
  readonly timeout_ms: number
  /** A longer answer is not read. Unit: bytes. */
  readonly max_response_bytes: number
}

/** Capacity that all callers share. Blocks of provider, model and target are cumulative. */
export interface ProviderShaping {
  /** Whether this block counts. */
  readonly enabled: boolean
  /** Calls that may start in a second, on average. Unit: calls per second. */
  readonly request_start_per_sec: number
  /** Calls that may start at once. Unit: calls. */
  readonly request_burst: number
  /** Estimated input tokens in a second. Unit: tokens per second. */
  readonly input_tokens_per_sec: number
  /** Estimated input tokens at once. Unit: tokens. */
  readonly input_token_burst: number
  /** Estimated input and reserved output tokens in a second. Unit: tokens per second. */
  readonly total_reserved_tokens_per_sec: number
  /** Estimated input and reserved output tokens at once. Unit: tokens. */
  readonly total_reserved_token_burst: number
  /** The pause after a 429 of the provider. */
  readonly upstream_429_backoff: RateLimitBackoff
  /** The pause after an exhausted quota or balance at the provider. */
  readonly upstream_quota_backoff: QuotaBackoff
}

/** The pause after an exhausted quota or balance at the provider. */
export interface QuotaBackoff {
  /** Put the scope's targets behind the others after such a failure. */
  readonly enabled: boolean
  /** The first pause. Unit: ms. */
  readonly min_backoff_ms: number
  /** The longest pause. Unit: ms. */
  readonly max_backoff_ms: number
  /** Growth of the pause from one failure to the next. */
  readonly multiplier: number
  /** Take the provider's `Retry-After` as the pause, within the bounds. */
  readonly honor_retry_after: boolean
}

/** The pause after a 429 of the provider. */
export interface RateLimitBackoff {
  /** Put the scope's targets behind the others after such a failure. */
  readonly enabled: boolean
  /** The first pause. Unit: ms. */
  readonly min_backoff_ms: number
  /** The longest pause. Unit: ms. */
  readonly max_backoff_ms: number
  /** Growth of the pause from one failure to the next. */
  readonly multiplier: number
  /** Take the provider's `Retry-After` as the pause, within the bounds. */
  readonly honor_retry_after: boolean
}

/** For what no other key knows: fields of the body that are set or left out, in every dialect, also where the client's bytes would pass. Provider, model and target add up; what stands nearer to the target wins. What was left out is listed in `X-Router-Losses`. */
export interface RequestEdits {
  /** Fields that every body gets, in place of what the client or the router wrote. */
  readonly set: Readonly<Record<string, unknown>>
  /** Fields that no body keeps: a top-level field, or a field of one (`reasoning.summary`). */
  readonly drop: readonly string[]
}

/** The parts of calls from another dialect that the upstream takes. Absent: by host, engine and model, as [dialects](dialects.md#what-upstreams-take) lists. Keys of a target win over its model's, those over the provider's. */
export interface Accepts {
  /** `first`: leading system messages become one, later ones marked user text. Chat and Responses. */
  readonly system?: "first" | "anywhere" | undefined
  /** `joined`: neighbours of one role become one message. `alternating`: also, a user begins, and no user message stands behind a tool result. Chat. */
  readonly roles?: "free" | "joined" | "alternating" | undefined
  /** `false`: `developer` messages are sent as `system`. */
  readonly developer_role?: boolean | undefined
  /** How earlier reasoning goes back to the target that made it. `issued`: under the field in which it came. Chat. */
  readonly reasoning_history?: "issued" | "reasoning_content" | "reasoning" | "none" | undefined
  /** The field that every assistant message with tool calls holds; empty where the reasoning is lost. Chat. */
  readonly reasoning_beside_calls?: "reasoning_content" | "reasoning" | "none" | undefined
  /** `false`: streams are not asked for their usage (`stream_options`), so it is estimated. Chat. */
  readonly stream_usage?: boolean | undefined
  /** `prompt_cache_key` is sent: the client's, else one made from its session. Chat and Responses. */
  readonly cache_key?: boolean | undefined
  /** The cache mark is left to the upstream (`cache_control` at the top level). Messages. */
  readonly automatic_cache?: boolean | undefined
  /** Takes `verbosity`. */
  readonly verbosity?: boolean | undefined
  /** `false`: `temperature`, `top_p` and `top_k` are left out. */
  readonly sampling?: boolean | undefined
  /** Can continue an assistant message that stands last. */
  readonly prefill?: boolean | undefined
  /** Takes a `tool_choice` that forces a call. Messages. */
  readonly forced_tool_choice?: boolean | undefined
  /** Takes documents, such as PDF. */
  readonly documents?: boolean | undefined
  /** `false`: several texts of one message are sent as one. Chat. */
  readonly text_parts?: boolean | undefined
  /** Ids of tool calls. Others are encoded on their way to the upstream. */
  readonly tool_ids?: ToolIds | undefined
}

/** Ids of tool calls. Others are encoded on their way to the upstream. */
export interface ToolIds {
  /** `word`: A-Z a-z 0-9 _ -; `alphanumeric`: letters and digits. */
  readonly alphabet: "any" | "word" | "alphanumeric"
  /** The shortest id. */
  readonly min_chars: number
  /** The longest id. */
  readonly max_chars: number
}

/** For servers that speak the `anthropic` dialect but not all of its betas. Left out: everything goes. What is taken out is listed in `X-Router-Losses`. */
export interface BetaHeaders {
  /** Only these names of `anthropic-beta` go upstream. */
  readonly allow?: readonly string[] | undefined
  /** All names of `anthropic-beta` but these go upstream. */
  readonly strip?: readonly string[] | undefined
  /** Body fields that ride on betas and are taken out: a top-level field, or a field of one. */
  readonly strip_fields: readonly string[]
}

/** A private authority and a client certificate. */
export interface ProviderTls {
  /** Certificates of the authority that signed the provider's, in PEM. */
  readonly ca_file?: string | undefined
  /** The client certificate, in PEM. */
  readonly cert_file?: string | undefined
  /** The key of the client certificate, in PEM. */
  readonly key_file?: string | undefined
}

/** The process itself. */
export interface ServerConfig {
  /** The address to serve. */
  readonly listen: string
  /** The model group of calls that name no model. Where the file says nothing: the group `default`, if there is one. */
  readonly default_model_group: string | null
  /** Processes that serve the address together; more than one needs `state.driver: redis`. */
  readonly workers: number
  /** How long the router still takes calls after SIGTERM or SIGINT while `/readyz` says that it stops: proxies that ask it choose another router meanwhile. Unit: ms. */
  readonly drain_delay_ms: number
  /** How long calls in flight may go on after that. What is not done by then ends with the error `shutting-down`. Unit: ms. */
  readonly drain_ms: number
  /** Reload the configuration when its file changes. SIGHUP always does. */
  readonly watch_config: boolean
  /** The response cache. */
  readonly cache: CacheConfig
  /** The request log. */
  readonly logging: LoggingConfig
  /** The usage database. */
  readonly usage_db: UsageDbConfig
  /** The state that limits need. */
  readonly state: StateConfig
  /** Bounds towards providers. */
  readonly upstream: UpstreamConfig
  /** Bounds towards clients. */
  readonly request: RequestConfig
  /** How many clients may be connected. */
  readonly connections: ConnectionsConfig
  /** Output tokens that are reserved for a stream without a cap. Unit: tokens. */
  readonly default_output_reservation: number
  /** Whether a target that says nothing about a capability may be asked for it in the client's own dialect. */
  readonly unknown_capabilities: "allow" | "refuse"
  /** The circuit breaker of a target. It only reorders targets. */
  readonly breaker: BreakerConfig
  /** The limits that callers start from; a caller's own keys win. */
  readonly default_caller: DefaultCaller
  /** The address at which clients reach the router, where a proxy stands in front. Error answers then carry `doc_url`, which leads to their entry in the page about errors; `check` prints links to this page. Where the file says nothing: none. */
  readonly public_url: string | null
  /** Calls from browser pages. */
  readonly cors: CorsConfig
  /** Settings of answers. */
  readonly responses: ResponsesConfig
  /** The address of the client. */
  readonly client_ip: ClientIpConfig
  /** The diagnostic rows of a call. */
  readonly diagnostics: DiagnosticsConfig
  /** The record of routing decisions. */
  readonly decision_telemetry: DecisionTelemetry
  /** Governed capture of content. What it says holds for groups and callers, as far as they say nothing else. */
  readonly content_capture?: ContentCapture | undefined
  /** Deletion of old rows. What is in no class here is kept for good. */
  readonly retention: Retention
  /** Metrics, traces and exported logs. */
  readonly telemetry: TelemetryConfig
  /** Shaping of callers. */
  readonly traffic_shape: TrafficShape
  /** Administrators and their rights: [administrators](admin.md). */
  readonly admin_auth: AdminAuth
  /** Reports, for browsers and programs: [the API](admin.md#the-api-of-reports). */
  readonly admin_reports: AdminReports
}

/** Reports, for browsers and programs: [the API](admin.md#the-api-of-reports). */
export interface AdminReports {
  /** Serve reports to administrators. */
  readonly enabled: boolean
  /** Where the reports are. */
  readonly path_prefix: string
  /** The range of a report that is asked for without one. Unit: a duration; milliseconds once loaded. */
  readonly default_since: number
  /** The longest range that is answered; the console offers the ranges that fit. `400d` lets it offer a year. Unit: a duration; milliseconds once loaded. */
  readonly max_range: number
  /** The most rows of a table. Unit: rows. */
  readonly max_rows: number
  /** Offer reports as Markdown. */
  readonly export_markdown: boolean
  /** Prices to compare with. */
  readonly baselines: readonly Baseline[]
  /** Reports on security. */
  readonly security: SecurityReports
}

/** Reports on security. */
export interface SecurityReports {
  /** Serve what is recorded of sign-ins, refusals, reports that were read, and exports. */
  readonly enabled: boolean
  /** How long that is kept, where these reports are served; older events are deleted. 0: for good. Unit: days. */
  readonly retention_days: number
}

/** A price to compare with. */
export interface Baseline {
  /** The id of the baseline. */
  readonly id: string
  /** The name of the baseline. */
  readonly name?: string | undefined
  /** The version of the baseline. */
  readonly version?: string | undefined
  /** Its price of input. Unit: USD per million tokens. */
  readonly input_price_per_million_usd: number
  /** Its price of output. Unit: USD per million tokens. */
  readonly output_price_per_million_usd: number
  /** Where its prices come from. */
  readonly pricing_source?: string | undefined
  /** The date of its prices. */
  readonly pricing_updated_at?: string | undefined
  /** Notes on the baseline. */
  readonly notes?: string | undefined
}

/** Administrators and their rights: [administrators](admin.md). */
export interface AdminAuth {
  /** Sign-in by password. */
  readonly basic: BasicAuth
  /** Sign-in by OpenID Connect. */
  readonly oidc: OidcAuth
  /** Sessions of browsers, of both ways to sign in. */
  readonly sessions: AdminSessions
  /** Authorisation by Casbin policies with domains. */
  readonly authorization: AdminAuthorization
}

/** Authorisation by Casbin policies with domains. */
export interface AdminAuthorization {
  /** Decide by policies what administrators may do. */
  readonly enabled: boolean
  /** Where the policies are. */
  readonly source: "static" | "db"
  /** A file with policy lines; `#` begins a comment. It is read again at every reload. */
  readonly policy_file?: string | undefined
  /** Policy lines: `p, role, domain, object, action` grants, `g, subject, role, domain` gives a role. */
  readonly policy: readonly string[]
}

/** Sessions of browsers, of both ways to sign in. */
export interface AdminSessions {
  /** The name of the session cookie; over TLS with `__Host-` before it. */
  readonly cookie_name: string
  /** How long a session lasts at most. Unit: a duration; milliseconds once loaded. */
  readonly ttl: number
  /** How long a session lasts without a request. Unit: a duration; milliseconds once loaded. */
  readonly idle_ttl: number
  /** Sessions begin over TLS only. Off: also without, where `allow_insecure_http` is on. */
  readonly secure_cookies: boolean
  /** The cookie's SameSite rule. */
  readonly same_site: "strict" | "lax"
}

/** Sign-in by OpenID Connect. */
export interface OidcAuth {
  /** Let administrators sign in through an identity provider (OpenID Connect). */
  readonly enabled: boolean
  /** The issuer, exactly as its tokens name it: `https://`, or `http://` on this machine. */
  readonly issuer_url?: string | undefined
  /** The environment variable that holds the client id. */
  readonly client_id_env?: string | undefined
  /** The environment variable that holds the client secret. Absent: a public client, with PKCE alone. */
  readonly client_secret_env?: string | undefined
  /** The address of `/admin/auth/callback` as browsers see it. It is never taken from a request. */
  readonly redirect_url?: string | undefined
  /** The scopes to ask for; `openid` is always asked for. */
  readonly scopes: readonly string[]
  /** Everybody who signs in needs an address that the provider has verified, in one of these mail domains. Empty: any address, or none. */
  readonly allowed_domains: readonly string[]
  /** An administrator who signs in needs to be in one of these groups. Empty: in any, or none. */
  readonly allowed_groups: readonly string[]
  /** The claim that holds groups, as a list of names. */
  readonly groups_claim: string
  /** The claim that holds the address. */
  readonly email_claim: string
  /** The claim that names those without a verified address: `oidc:<claim>` in policies. */
  readonly subject_claim: string
  /** What all see who come in this way: a project in an environment (`lab/prod`). `*`: what policies say of each. */
  readonly domain: string
}

/** Sign-in by password. */
export interface BasicAuth {
  /** Let administrators sign in with name and password. */
  readonly enabled: boolean
  /** The realm that browsers show. */
  readonly realm: string
  /** Let administrators in also without TLS, both ways. Only for a router that nobody reaches over a network. */
  readonly allow_insecure_http: boolean
  /** Proxies that end TLS: administrators are let in from them with `X-Forwarded-Proto: https`, and `X-Forwarded-For` tells whose failed sign-ins are counted. Counts for both ways to sign in. */
  readonly trusted_proxy_cidrs: readonly string[]
  /** The administrators. */
  readonly users: readonly BasicUser[]
}

/** An administrator. */
export interface BasicUser {
  /** The name to sign in with. */
  readonly username: string
  /** The environment variable (or name in `env.json`) that holds the bcrypt hash: `smart-router admin hash-password`. */
  readonly password_hash_env: string
  /** The subject in policies. Absent: `basic:<username>`. */
  readonly subject?: string | undefined
  /** The part that is seen: the calls and callers of a project in an environment (`lab/prod`), or of all (`*`). Policies count by it. */
  readonly domain: string
  /** Permissions without a policy, as `object:action`: `admin:explain:read`, `admin:reports:read|export`. */
  readonly permissions: readonly string[]
}

/** Shaping of callers. */
export interface TrafficShape {
  /** Shape the calls of callers. */
  readonly enabled: boolean
  /** The token buckets that every caller starts from. */
  readonly default_caller: CallerBuckets
}

/** The token buckets that every caller starts from. */
export interface CallerBuckets {
  /** Calls that may start in a second, on average. Unit: calls per second. */
  readonly request_start_per_sec: number
  /** Calls that may start at once. Unit: calls. */
  readonly request_burst: number
  /** Estimated input tokens in a second. Unit: tokens per second. */
  readonly input_tokens_per_sec: number
  /** Estimated input tokens at once. Unit: tokens. */
  readonly input_token_burst: number
  /** Estimated input and reserved output tokens in a second. Unit: tokens per second. */
  readonly total_reserved_tokens_per_sec: number
  /** Estimated input and reserved output tokens at once. Unit: tokens. */
  readonly total_reserved_token_burst: number
  /** Reserved output tokens in a second. Unit: tokens per second. */
  readonly output_reservation_tokens_per_sec: number
  /** Reserved output tokens at once. Unit: tokens. */
  readonly output_reservation_token_burst: number
  /** The waiting room of a caller. */
  readonly queue: ShapeQueue
}

/** The waiting room of a caller. */
export interface ShapeQueue {
  /** Let calls wait for a bounded time instead of refusing them at once. */
  readonly enabled: boolean
  /** The longest wait. Unit: ms. */
  readonly max_wait_ms: number
  /** The most calls of one caller that may wait. Unit: calls. */
  readonly max_depth: number
}

/** Metrics, traces and exported logs. */
export interface TelemetryConfig {
  /** Names of OpenTelemetry's GenAI conventions in metrics and spans: until 1.41 (`old`), v0.1.0 (`new`), or both. */
  readonly gen_ai_names: "old" | "both" | "new"
  /** Labels of the metrics of callers; empty: one sum. */
  readonly caller_labels: readonly ("caller" | "project" | "environment")[]
  /** Callers with metrics of their own. Further ones share the value `(other)`. */
  readonly max_callers: number
  /** Where traces, logs and metrics are sent, over OTLP and HTTP. */
  readonly otlp?: OtlpConfig | undefined
}

/** Where traces, logs and metrics are sent, over OTLP and HTTP. */
export interface OtlpConfig {
  /** The receiver; `/v1/traces`, `/v1/logs` and `/v1/metrics` are appended to its path. */
  readonly endpoint: string
  /** The form of the bodies. */
  readonly protocol: "protobuf" | "json"
  /** Headers of each export. */
  readonly headers: Readonly<Record<string, string>>
  /** `gzip` takes more CPU than everything else about a span. */
  readonly compression: "none" | "gzip"
  /** Time for one export. Unit: ms. */
  readonly timeout_ms: number
  /** Longest wait of a span or log record for others. Unit: ms. */
  readonly batch_ms: number
  /** Calls, and log records, that wait for an export. What comes beyond is dropped and counted. */
  readonly max_queue: number
  /** `service.name` of the resource. */
  readonly service_name: string
  /** Further attributes of the resource, such as `deployment.environment.name`. */
  readonly resource: Readonly<Record<string, string>>
  /** Traces. */
  readonly traces: TracesConfig
  /** Logs. */
  readonly logs: LogsConfig
  /** Metrics. */
  readonly metrics: OtlpMetricsConfig
}

/** Metrics. */
export interface OtlpMetricsConfig {
  /** Export the families of `GET /metrics`. */
  readonly enabled: boolean
  /** Pause between two exports. Unit: ms. */
  readonly interval_ms: number
}

/** Logs. */
export interface LogsConfig {
  /** Export what the router logs about itself. */
  readonly enabled: boolean
  /** Export a log record for each call, too, without content. */
  readonly calls: boolean
}

/** Traces. */
export interface TracesConfig {
  /** Export spans of calls, and send `traceparent` to upstreams. */
  readonly enabled: boolean
  /** The share of traces that is sampled where the client has not decided. */
  readonly ratio: number
  /** Take over whether the client's `traceparent` is sampled. `false`: `ratio` decides for all calls. */
  readonly parent: boolean
  /** Calls that take as long are exported whether or not they are sampled, and so are calls of known callers that end in an error. `0`: slow ones are not. Unit: ms. */
  readonly slow_ms: number
  /** Write hosts and ports of providers into spans of attempts. */
  readonly server_address: boolean
}

/** Deletion of old rows. What is in no class here is kept for good. */
export interface Retention {
  /** Delete old rows, once an hour: [retention](retention.md). */
  readonly enabled: boolean
  /** Only count what would be deleted. */
  readonly dry_run: boolean
  /** The most rows that are deleted at once; fewer where that takes long. Unit: rows. */
  readonly default_batch_size: number
  /** The rules for each kind of data. */
  readonly classes: readonly RetentionClass[]
}

/** The rule for one kind of data. */
export interface RetentionClass {
  /** The kind of data: [which tables](retention.md#classes). */
  readonly data_class:
    | "usage_diagnostics"
    | "decision_telemetry"
    | "content_capture"
    | "security_access_events"
    | "usage_detail"
  /** Whether this class is deleted. */
  readonly enabled: boolean
  /** How long rows of this class are kept. Unit: days. */
  readonly retention_days: number
  /** The most rows that are deleted at once. Unit: rows. */
  readonly batch_size?: number | undefined
  /** Before rows of calls are deleted, add them up once more: where that is not what reports say, they stay. The sums are kept in any case. */
  readonly require_finalized_rollup: boolean
}

/** Governed capture of content. What it says holds for groups and callers, as far as they say nothing else. */
export interface ContentCapture {
  /** Store content of all calls. Off unless switched on. */
  readonly enabled: boolean
  /** How long content is kept. Unit: days. */
  readonly retention_days: number
  /** Store requests. */
  readonly capture_request: boolean
  /** Store answers, streams as their events. */
  readonly capture_response: boolean
  /** Store calls of tools and their results, where they stand in requests and answers. Otherwise a mark takes their place. */
  readonly capture_tool_calls: boolean
  /** Store images, sound and files, where they stand in requests and answers. Otherwise a mark takes their place. */
  readonly capture_images: boolean
  /** Store the bodies of errors of upstreams, provider keys and hosts masked. */
  readonly capture_upstream_errors: boolean
  /** Request headers that are stored. */
  readonly capture_headers_allowlist: readonly string[]
  /** Redact secrets before storing; cannot be switched off. */
  readonly redact_before_storage: boolean
  /** Regular expressions of what is redacted besides the built-in secrets. Those of all blocks that hold for a call count. */
  readonly redaction_patterns: readonly string[]
  /** The most that is stored of one body. Unit: bytes. */
  readonly max_capture_bytes: number
  /** Encryption of stored content. */
  readonly encryption: CaptureEncryption
}

/** Encryption of stored content. */
export interface CaptureEncryption {
  /** Encrypt what is stored, with AES-256-GCM; cannot be switched off where content is stored. */
  readonly enabled: boolean
  /** The label of the key. A new key needs a new label. */
  readonly local_key_id: string
  /** The key: 32 bytes in base64 or as 64 hexadecimal digits. Absent: the variable `CONTENT_CAPTURE_LOCAL_KEY` has it. */
  readonly local_key?: string | undefined
  /** Keys that content was stored with before: it stays readable. Nothing new is stored with them. */
  readonly previous_keys: readonly CaptureKey[]
}

/** A key that content was stored with before. */
export interface CaptureKey {
  /** The label of the key. A new key needs a new label. */
  readonly local_key_id: string
  /** The key: 32 bytes in base64 or as 64 hexadecimal digits. */
  readonly local_key: string
}

/** The record of routing decisions. */
export interface DecisionTelemetry {
  /** Record why targets were chosen and left out. */
  readonly enabled: boolean
  /** The most candidates of one call. */
  readonly max_candidates: number
  /** The most reasons of one call. */
  readonly max_filter_reasons: number
  /** Record targets, what spoke against them, and their scores. */
  readonly record_candidates: boolean
  /** Record why the cache was not used. */
  readonly record_cache_reasons: boolean
}

/** The diagnostic rows of a call. */
export interface DiagnosticsConfig {
  /** Record attempts, traces and errors of each call. */
  readonly enabled: boolean
  /** `server.retention.classes[]` decides. Unit: days. */
  readonly retention_days: number
  /** Record code, type and field of upstream errors, where they are plain words. */
  readonly store_sanitized_upstream_errors: boolean
  /** The most that is recorded of one; longer ones are left out. Unit: bytes. */
  readonly max_error_bytes: number
}

/** The address of the client. */
export interface ClientIpConfig {
  /** Proxies whose forwarding headers count. */
  readonly trusted_proxy_cidrs: readonly string[]
  /** The headers to look at, first to last. */
  readonly header_order: readonly string[]
  /** Record the address of the client. */
  readonly store_ip: boolean
}

/** Settings of answers. */
export interface ResponsesConfig {
  /** Which name answers carry in `model`: what the upstream says, or what the client asked for. */
  readonly model_identity: "upstream" | "requested_group"
}

/** Calls from browser pages. */
export interface CorsConfig {
  /** Origins of browser pages that may call. */
  readonly allow_origins: readonly string[]
}

/** The limits that callers start from; a caller's own keys win. */
export interface DefaultCaller {
  /** How fast calls may come, over all callers that share this block. */
  readonly rate: Rate
  /** How much may be used in a day and a month. */
  readonly quota: Quota
  /** Budgets in money, reserved like tokens. */
  readonly spend: Spend
}

/** Budgets in money, reserved like tokens. */
export interface Spend {
  /** Money that may be spent in a UTC calendar day. Unit: USD. */
  readonly day_usd: number
  /** Money that may be spent in a UTC calendar month. Unit: USD. */
  readonly month_usd: number
}

/** How much may be used in a day and a month. */
export interface Quota {
  /** The quota of a UTC calendar day. */
  readonly day: QuotaWindow
  /** The quota of a UTC calendar month. */
  readonly month: QuotaWindow
  /** From this share of the limit on, calls are recorded with a warning state. Unit: %. */
  readonly soft_pct: number
}

/** The quota of a UTC calendar day. */
export interface QuotaWindow {
  /** Requests in the span. Unit: requests. */
  readonly requests: number
  /** Input and output tokens in the span. Unit: tokens. */
  readonly tokens: number
}

/** How fast calls may come, over all callers that share this block. */
export interface Rate {
  /** Requests in a rolling minute. Unit: requests. */
  readonly rpm: number
  /** Estimated input and reserved output tokens in a rolling minute. Unit: tokens. */
  readonly tpm: number
  /** Calls in flight at the same time. Unit: calls. */
  readonly concurrent: number
}

/** The circuit breaker of a target. It only reorders targets. */
export interface BreakerConfig {
  /** Provider faults in the window that open the breaker of a target. `0`: it never opens. */
  readonly failures: number
  /** The window. Unit: a duration; milliseconds once loaded. */
  readonly window: number
  /** How long the breaker stays open before one call at a time may probe the target. Unit: a duration; milliseconds once loaded. */
  readonly cooldown: number
}

/** How many clients may be connected. */
export interface ConnectionsConfig {
  /** Client connections of one process at once. Further ones get 503 `overloaded` and are closed. Where the file says nothing: half of the files that the process may open (`ulimit -n`), less 64, and at most 10,000; never more than three quarters. */
  readonly max: number | null
  /** Of these, connections of one address (IPv6: of one /64). Proxies in `client_ip.trusted_proxy_cidrs` are exempt. Where the file says nothing: half of `max`. */
  readonly per_address: number | null
}

/** Bounds towards clients. */
export interface RequestConfig {
  /** The largest request body. Unit: bytes. */
  readonly max_body_bytes: number
  /** The deepest nesting of a request body. Unit: levels. */
  readonly max_depth: number
  /** JSON values in a request body, at any depth: each object, list, string, number, boolean and null. */
  readonly max_values: number
  /** The memory that the bodies of all calls in flight may take in one process. Further ones get 503 `overloaded`. Unit: bytes. */
  readonly max_memory_bytes: number
  /** Of these, those of one caller. Further ones get 429 `body-memory-exceeded`. Unit: bytes. */
  readonly max_memory_bytes_per_caller: number
  /** A body that comes more slowly for fifteen seconds is refused with status 408. `0`: only two minutes bound it. Unit: bytes. */
  readonly min_bytes_per_second: number
}

/** Bounds towards providers. */
export interface UpstreamConfig {
  /** The whole of a unary call. Also first byte and silence, where nothing else is said. Unit: ms. */
  readonly timeout_ms: number
  /** Until the connection is made: name, TCP and TLS. Found out to a quarter of a second. Behind a `proxy` it is part of `first_byte_timeout_ms`. Unit: ms. */
  readonly connect_timeout_ms: number
  /** From then until the answer's head arrives. Absent: `timeout_ms`. Unit: ms. */
  readonly first_byte_timeout_ms?: number | undefined
  /** The longest silence of a stream, before its first content and behind it; comments and pings of the upstream count as signs of life. Absent: `timeout_ms`. Unit: ms. */
  readonly silence_timeout_ms?: number | undefined
  /** Until first content of a stream, or the full body of a unary call, unless the group says otherwise. Unit: ms. */
  readonly default_attempt_timeout_ms: number
  /** The largest unary answer. Unit: bytes. */
  readonly max_response_bytes: number
  /** The largest event of a stream. Unit: bytes. */
  readonly max_frame_bytes: number
  /** Let requests point at media of private networks. `false`: addresses of images, documents, files, sound and video whose host is or names a machine of a private network, or that are fetched by something else than HTTP, are refused. */
  readonly allow_private_image_urls: boolean
}

/** The state that limits need. */
export interface StateConfig {
  /** Where limits are counted: in this process, or in a Redis or Valkey server that all processes share. */
  readonly driver: "memory" | "redis"
  /** The address of the driver redis: `redis://` or `rediss://`, with user, password and database number. */
  readonly url?: string | undefined
  /** A private authority and a client certificate. */
  readonly tls?: StateTls | undefined
  /** While the shared state cannot be reached: `fail_closed` refuses the calls of callers with limits, `local` lets each process count for itself. */
  readonly on_unavailable: "fail_closed" | "local"
}

/** A private authority and a client certificate. */
export interface StateTls {
  /** Certificates of the authority that signed the server's, in PEM. */
  readonly ca_file?: string | undefined
  /** The client certificate, in PEM. */
  readonly cert_file?: string | undefined
  /** The key of the client certificate, in PEM. */
  readonly key_file?: string | undefined
}

/** The usage database. */
export interface UsageDbConfig {
  /** The kind of database. */
  readonly driver: "sqlite" | "postgres"
  /** The database file of the driver sqlite. The spool stands beside it, with both drivers. */
  readonly path: string
  /** The address of the driver postgres: postgres://user:password@host:5432/database?sslmode=verify-full (disable, require, verify-ca, verify-full; sslrootcert names a CA file). */
  readonly dsn?: string | undefined
  /** The address of a copy of the driver postgres' database, which reports are read from. Default: `dsn`. A copy that lags shows calls later. */
  readonly report_dsn?: string | undefined
  /** `commit`: a call's row is committed before its last byte leaves. */
  readonly durability: "commit" | "async"
  /** `spool`: rows go to a synced local file and are replayed. `fail_closed`: calls are refused. */
  readonly on_unavailable: "spool" | "fail_closed"
}

/** The request log. */
export interface LoggingConfig {
  /** The request log: one JSON line for each call. */
  readonly path: string
  /** The file is rotated at this size. Unit: MB. */
  readonly rotate_mb: number
  /** Rotated files that are kept. Unit: files. */
  readonly keep: number
}

/** The response cache. */
export interface CacheConfig {
  /** Answer repeated calls from memory. */
  readonly enabled: boolean
  /** Memory for answers, in each process. One answer takes a sixteenth of it at most. Unit: bytes. */
  readonly max_bytes: number
  /** How long an answer is kept. Unit: a duration; milliseconds once loaded. */
  readonly default_ttl: number
  /** Answer streamed calls from the cache, too, and keep their answers. Off: they pass it by. */
  readonly streams: boolean
  /** Keep answers in the Redis or Valkey of `server.state`, too, for all processes. Each is signed with the secret of the usage database; what bears no such signature is not used. */
  readonly shared: boolean
}
