/** LiteLLM's proxy configuration as ours. The format: litellm/types/router.py and docs.litellm.ai/docs/proxy/configs. */
import { createHash } from "node:crypto"
import { Block, type Note } from "./block.ts"
import { type Deployment, type Json, readDeployment } from "./litellm-deployment.ts"
import { groupsOf } from "./litellm-groups.ts"
import { breakerOf, leaveOthers, projectSpend, timeoutOf } from "./litellm-settings.ts"
import { resolved, Secrets } from "./secrets.ts"

export interface Imported {
  /** Our configuration, as it stands in the file. */
  readonly config: Json
  /** For env.json. */
  readonly secrets: Readonly<Record<string, string>>
  /** Everything that is not carried, or works differently. */
  readonly notes: readonly Note[]
  /** How many groups have a target. */
  readonly groups: number
}

/** @param tree the parsed file */
export function importLiteLlm(tree: unknown, env: Readonly<Record<string, string | undefined>>): Imported {
  const notes: Note[] = []
  const secrets = new Secrets()
  const root = new Block(tree, [], notes)
  const credentials = credentialsOf(root, notes)
  const deployments = root
    .list("model_list")
    .map((entry, index) => readDeployment(new Block(entry, ["model_list", index], notes), secrets, credentials))
    .filter((deployment) => deployment !== null)
  const settings = {
    router: root.block("router_settings"),
    library: root.block("litellm_settings"),
    general: root.block("general_settings"),
  }
  const { providers, names } = providersOf(deployments)
  const models = groupsOf(deployments, names, settings)
  const spend = projectSpend(settings.library)
  const callers = masterCaller(settings.general, env, Object.keys(models))
  const server = { listen: "127.0.0.1:8080", ...timeoutOf(settings), ...breakerOf(settings.router) }
  keepVariables(root.block("environment_variables"), secrets)
  leaveOthers(root, settings)
  const config = {
    server,
    providers,
    models,
    users: [{ id: "litellm", name: "Imported from LiteLLM" }],
    projects: [{ id: "litellm", ...(spend === null ? {} : { spend }) }],
    project_memberships: [{ user_id: "litellm", project: "litellm" }],
    callers,
  }
  return { config, secrets: secrets.values, notes, groups: Object.keys(models).length }
}

/** Provider entries, one for all deployments that share address, key and headers; and the entry's name for each deployment. */
function providersOf(deployments: readonly Deployment[]): {
  readonly providers: Readonly<Record<string, Json>>
  readonly names: ReadonlyMap<Deployment, string>
} {
  const providers: Record<string, Json> = {}
  const known = new Map<string, string>()
  const names = new Map<Deployment, string>()
  for (const deployment of deployments) {
    const { prefix, provider } = deployment
    const print = JSON.stringify(provider)
    let name = known.get(print)
    for (let count = 1; name === undefined; count += 1) {
      const candidate = count === 1 ? prefix : `${prefix}-${count}`
      if (!Object.hasOwn(providers, candidate)) name = candidate
    }
    known.set(print, name)
    providers[name] = provider
    names.set(deployment, name)
  }
  return { providers, names }
}

function credentialsOf(root: Block, notes: Note[]): ReadonlyMap<string, Json> {
  const found = new Map<string, Json>()
  for (const [index, entry] of root.list("credential_list").entries()) {
    const block = new Block(entry, ["credential_list", index], notes)
    const name = block.text("credential_name")
    const values = block.block("credential_values")
    block.take("credential_info")
    if (name !== undefined) found.set(name, Object.fromEntries(values.keys.map((key) => [key, values.take(key)])))
    block.leaveRest({})
  }
  return found
}

/** The master key goes on working as the token of one caller, which may use every group. */
function masterCaller(
  general: Block,
  env: Readonly<Record<string, string | undefined>>,
  groups: readonly string[],
): readonly Json[] {
  const key = general.text("master_key")
  if (key === undefined) return []
  const value = resolved(key, env)
  if (value === undefined || value === "") {
    general.leave(
      "master_key",
      "Its variable is not set here. Set it and import again, or create a token: smart-router token create.",
    )
    return []
  }
  general.change(
    "master_key",
    "It is the token of the caller `litellm-master`, which may use every group and administrate nothing.",
  )
  const hash = createHash("sha256").update(value).digest("hex")
  const owner = { owner_user: "litellm", project: "litellm", environment: "prod" }
  return [{ id: "litellm-master", ...owner, token_sha256: hash, token_id: "litellm_master", allow: groups }]
}

function keepVariables(variables: Block, secrets: Secrets): void {
  for (const name of variables.keys) {
    const value = variables.text(name)
    if (value === undefined) continue
    if (/^[A-Za-z_][A-Za-z0-9_]*$/u.test(name) && !value.startsWith("os.environ/")) secrets.values[name] ??= value
    else variables.leave(name, "It names another variable: set it in the environment of the router.")
  }
}
