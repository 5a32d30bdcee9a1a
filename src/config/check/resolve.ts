/** Fills in what depends on other keys, so that a loaded configuration says everything outright. */
import { resolve } from "node:path"
import type { z } from "zod"
import type { Config, ModelConfig, ProviderConfig } from "../config.ts"
import { mapping } from "../read/outline.ts"
import { DEFAULT_GROUP } from "./references.ts"
import { childOf, bare } from "../schema/inspect.ts"

/** What the schema gives: these keys may still be undecided. */
type Parsed = Omit<Config, "providers"> & {
  readonly providers: Readonly<Record<string, Undecided<ProviderConfig, "auth_scheme">>>
}
type Undecided<T, K extends keyof T> = Omit<T, K> & { readonly [P in K]?: T[P] }

export function resolveConfig(parsed: Parsed, root: z.ZodType, directory: string): Config {
  const { server, providers, models } = parsed
  const group = server.default_model_group ?? DEFAULT_GROUP
  const decided: Config = {
    ...parsed,
    server: { ...server, default_model_group: Object.hasOwn(models, group) ? group : null },
    providers: Object.fromEntries(
      Object.entries(providers).map(([name, provider]) => [name, resolveProvider(provider)]),
    ),
  }
  return withAbsolutePaths(decided, root, directory) as Config
}

function resolveProvider(provider: Parsed["providers"][string]): ProviderConfig {
  const auth_scheme = provider.auth_scheme ?? (provider.dialect === "anthropic" ? "x-api-key" : "bearer")
  const field = new URL(provider.base_url).hostname === "api.openai.com" ? "max_completion_tokens" : "max_tokens"
  const models = Object.entries(provider.models).map(([name, model]): [string, ModelConfig] => [
    name,
    { ...model, output_token_field: (model as Partial<ModelConfig>).output_token_field ?? field },
  ])
  return { ...provider, auth_scheme, models: Object.fromEntries(models) }
}

/** Limits that a caller does not name come from `server.default_caller`. Both as they stand in the file. */
export function withDefaultLimits(caller: unknown, defaults: Readonly<Record<string, unknown>>): unknown {
  const own = mapping(caller)
  return {
    ...own,
    ...Object.fromEntries(["rate", "quota", "spend"].map((key) => [key, merged(defaults[key], own[key])])),
  }
}

function merged(under: unknown, over: unknown): unknown {
  if (over === undefined) return under
  if (typeof under !== "object" || typeof over !== "object" || under === null || over === null || Array.isArray(over))
    return over
  const below = mapping(under)
  const above = mapping(over)
  return Object.fromEntries(
    [...new Set([...Object.keys(below), ...Object.keys(above)])].map((key) => [key, merged(below[key], above[key])]),
  )
}

function withAbsolutePaths(value: unknown, schema: z.ZodType | undefined, directory: string): unknown {
  if (schema === undefined) return value
  if (typeof value === "string") return bare(schema).facts.path === true ? resolve(directory, value) : value
  if (Array.isArray(value)) return value.map((item) => withAbsolutePaths(item, childOf(schema, 0), directory))
  if (typeof value !== "object" || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key, withAbsolutePaths(inner, childOf(schema, key), directory)]),
  )
}
