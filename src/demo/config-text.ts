/** The configuration that `smart-router demo` writes; from then on it belongs to the person who runs the demo. */

export interface DemoConfigOptions {
  /** 64 hex digits. */
  readonly tokenSha256: string
  /** The token up to its secret. */
  readonly tokenId: string
  readonly listen: string
  /** Further entries of lists, as lines of YAML; empty: none. */
  readonly users: string
  readonly projects: string
  readonly memberships: string
  readonly callers: string
  /** Further keys of `server`, in the same way. */
  readonly reports: string
}

export function demoConfigText(options: DemoConfigOptions): string {
  return TEMPLATE.replaceAll(PLACES, (_, name: keyof DemoConfigOptions) => options[name])
}

const PLACES = /@(listen|tokenSha256|tokenId|users|projects|memberships|callers|reports)@/gu

const TEMPLATE = `# DEMO configuration, written by \`smart-router demo\`. The demo reads it at every start and never writes it again:
# change it as you like, or delete this folder to begin anew.
#
# The three providers are three API shapes of one provider that runs inside the demo and answers everything itself.
# \${DEMO_PROVIDER_URL} and \${DEMO_PROVIDER_KEY} are set by the demo at its start (and written to env.json
# beside this file, for check, explain and replay). Prices are made up.

server:
  listen: @listen@
  default_model_group: default
  logging: { path: logs/requests.jsonl }
  usage_db: { driver: sqlite, path: state/usage.sqlite }
  decision_telemetry: { enabled: true } # so that explain and replay know everything about recorded calls@reports@

providers:
  demo-chat:
    base_url: \${DEMO_PROVIDER_URL}/v1
    dialect: openai-chat
    api_key: \${DEMO_PROVIDER_KEY}
    key_id: demo
    models: &demo-models
      large:
        model: demo-large
        context_tokens: 200000
        max_output_tokens: 64000
        input_modalities: [text, image]
        output_modalities: [text]
        input_price_per_million_usd: 0.3
        cached_input_price_per_million_usd: 0.03
        cache_write_price_per_million_usd: 0.375
        output_price_per_million_usd: 1.5
        pricing_source: made up for the demo
        pricing_updated_at: "2026-11-22"
        honors_max_tokens: true
        tool_support:
          openai_chat: [tools, tool_choice, structured_outputs]
          openai_responses: [function, structured_outputs]
          anthropic_messages: [client_tools]
        reasoning: { supported: true, mode: opt_in, control: effort_enum }
      small:
        model: demo-small
        context_tokens: 200000
        max_output_tokens: 16000
        input_modalities: [text, image]
        output_modalities: [text]
        input_price_per_million_usd: 0.1
        cached_input_price_per_million_usd: 0.01
        cache_write_price_per_million_usd: 0.125
        output_price_per_million_usd: 0.5
        pricing_source: made up for the demo
        pricing_updated_at: "2026-11-22"
        honors_max_tokens: true
        tool_support:
          openai_chat: [tools, tool_choice, structured_outputs]
          openai_responses: [function, structured_outputs]
          anthropic_messages: [client_tools]
        reasoning: { supported: true, mode: opt_in, control: effort_enum }
      broken: { model: demo-broken } # always answers 503: the group "reliable" shows what happens then
  demo-responses:
    base_url: \${DEMO_PROVIDER_URL}/v1
    dialect: openai-responses
    api_key: \${DEMO_PROVIDER_KEY}
    key_id: demo
    models: *demo-models
  demo-messages:
    base_url: \${DEMO_PROVIDER_URL}
    dialect: anthropic
    api_key: \${DEMO_PROVIDER_KEY}
    key_id: demo
    models: *demo-models

models: # model groups: what callers name in \`model\`; a call goes to the targets that speak its dialect
  default:
    strategy: static
    aliases: [claude-opus-5-5, claude-sonnet-5-5, claude-fable-5-2]
    targets:
      - { provider: demo-chat, model_ref: large }
      - { provider: demo-responses, model_ref: large }
      - { provider: demo-messages, model_ref: large }
  fast:
    strategy: weighted
    aliases: [claude-haiku-5-5]
    targets:
      - { provider: demo-chat, model_ref: small, weight: 80 }
      - { provider: demo-chat, model_ref: large, weight: 20 }
      - { provider: demo-responses, model_ref: small, weight: 80 }
      - { provider: demo-responses, model_ref: large, weight: 20 }
      - { provider: demo-messages, model_ref: small, weight: 80 }
      - { provider: demo-messages, model_ref: large, weight: 20 }
  reliable: # the first target of each dialect is always out of order, the second one answers
    strategy: failover
    targets:
      - { provider: demo-chat, model_ref: broken }
      - { provider: demo-chat, model_ref: large }
      - { provider: demo-responses, model_ref: broken }
      - { provider: demo-responses, model_ref: large }
      - { provider: demo-messages, model_ref: broken }
      - { provider: demo-messages, model_ref: large }

users:
  - { id: demo, name: Demo user, type: person, status: active }@users@
projects:
  - { id: demo, name: Demo project, status: active }@projects@
project_memberships:
  - { user_id: demo, project: demo, role: owner, status: active }@memberships@
callers:
  - id: demo
    owner_user: demo
    project: demo
    environment: dev
    status: active
    token_sha256: @tokenSha256@
    token_id: @tokenId@
    allow: [default, fast, reliable]@callers@
`
