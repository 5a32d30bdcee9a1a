/** Configurations in which calls change dialect. */
import type { Config } from "./config.ts"
import { targetsOf } from "./config.ts"
import type { Dialect } from "./samples.ts"
import { DIALECTS } from "./samples.ts"

/** What a model must declare so that any call may come to it from another dialect. */
export const EVERYTHING: Readonly<Record<string, unknown>> = {
  input_modalities: ["text", "image"],
  tool_support: {
    openai_chat: ["tools", "tool_choice", "structured_outputs"],
    openai_responses: ["function", "structured_outputs"],
    anthropic_messages: ["client_tools", "structured_outputs"],
  },
  reasoning: { supported: true, supports_summaries: true },
}

/** The name of the group with one target of `upstream`, in `dialect`. */
export function groupOf(upstream: string, dialect: Dialect): string {
  return `${upstream}-${dialect}`
}

/** One group for each upstream and dialect, all of them able to do everything and allowed to the caller. */
export function translating(
  config: Config,
  upstreams: readonly string[],
  more: Readonly<Record<string, unknown>> = {},
): void {
  for (const provider of Object.values(config.providers)) {
    const models = provider["models"] as Record<string, Record<string, unknown>>
    for (const model of Object.values(models)) Object.assign(model, EVERYTHING)
  }
  for (const upstream of upstreams) {
    for (const dialect of DIALECTS) {
      const targets = targetsOf([upstream]).filter(({ provider }) => provider === `${upstream}-${dialect}`)
      config.models[groupOf(upstream, dialect)] = { strategy: "static", ...more, targets }
    }
  }
  allowAll(config)
}

export function allowAll(config: Config): void {
  config.callers = config.callers.map((caller) => ({ ...caller, allow: Object.keys(config.models) }))
}

/** Client and target dialects: the six pairs that translate, or all nine. */
export const FOREIGN_PAIRS: readonly (readonly [client: Dialect, target: Dialect])[] = DIALECTS.flatMap((client) =>
  DIALECTS.filter((target) => target !== client).map((target) => [client, target] as const),
)
export const ALL_PAIRS: readonly (readonly [client: Dialect, target: Dialect])[] = DIALECTS.flatMap((client) =>
  DIALECTS.map((target) => [client, target] as const),
)
