/** The files that `init` writes. */

export const SCHEMA_FILE: string = "smart-router.schema.json"

/** `${NAME}` in the configuration is looked up in the environment first, then here. */
export const STARTER_ENV: string = `{
  "OPENAI_API_KEY": ""
}
`

export const STARTER_CONFIG: string = `# yaml-language-server: $schema=./${SCHEMA_FILE}
#
# The configuration of smart-router. "smart-router check --config <this file>" says what is wrong or missing,
# "smart-router help" shows the commands. All keys: docs/configuration.md, or complete them in your editor.
#
# \${NAME} is replaced from the environment, then from env.json beside this file. Keep secrets there, not here.
# Limits of 0 are no limits. Paths are relative to this file.

server:
  listen: 127.0.0.1:8080          # ":8080" serves all addresses of this machine
  default_model_group: default    # for calls that name no model
  logging: { path: logs/requests.jsonl }
  usage_db: { path: state/usage.sqlite }
  watch_config: false             # true: changes of this file take effect at once; SIGHUP always does that

# One entry for each API of an upstream. "models" is a catalogue of facts; nothing is active because it stands there.
providers:
  openai:
    base_url: https://api.openai.com/v1
    dialect: openai-chat          # openai-chat | openai-responses | anthropic
    api_key: \${OPENAI_API_KEY}    # fill it in in env.json
    models:
      mini:
        model: gpt-5-mini         # the exact id at the provider
        # Prices in USD per million tokens. Without them calls are served, but their cost is recorded as unknown.
        # input_price_per_million_usd: 0
        # output_price_per_million_usd: 0

  # anthropic:
  #   base_url: https://api.anthropic.com
  #   dialect: anthropic
  #   api_key: \${ANTHROPIC_API_KEY}
  #   models:
  #     sonnet: { model: claude-sonnet-5-5 }

  # A server of your own (vLLM, SGLang, llama.cpp, …). Without api_key no authorisation header is sent.
  # local:
  #   base_url: http://127.0.0.1:8000/v1
  #   dialect: openai-chat
  #   auth_scheme: none
  #   models:
  #     chat: { model: my-model }

# Model groups: the names that callers put into "model". Only the targets that stand here are active.
models:
  default:
    strategy: static              # docs/routing.md lists the others
    targets:
      # "check" warns that nothing is said here about tools, images and reasoning. That is fine to begin with:
      # such calls are then tried in the client's own dialect only.
      - { provider: openai, model_ref: mini }

users: [{ id: me, name: Me, type: person, status: active }]
projects: [{ id: lab, name: Lab, status: active }]
project_memberships: [{ user_id: me, project: lab, role: owner, status: active }]

# Who may call. This command adds an entry and prints its token once:
#   smart-router token create --owner-user me --project lab --env dev --allow default --write <this file>
callers: []
`
