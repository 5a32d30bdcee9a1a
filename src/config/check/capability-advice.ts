/** Targets that say nothing about what they can do: those that are silent about the same share a line, at the first of them. */
import type { Config, ModelConfig, ProviderConfig, TargetConfig } from "../config.ts"
import type { Report } from "../findings.ts"
import type { Path } from "../schema/inspect.ts"
import { catalogueEntryOf, providerOf } from "../compile/target-entry.ts"

interface Silence {
  readonly path: Path
  count: number
}

export function adviseOnCapabilities(config: Config, report: Report): void {
  const silences = new Map<string, Silence>()
  for (const [name, { targets }] of Object.entries(config.models)) {
    for (const [index, target] of targets.entries()) {
      const provider = providerOf(target, config)
      if (provider === undefined) continue
      const kinds = unsaid(target, provider).join(", ")
      const before = silences.get(kinds)
      if (before !== undefined) before.count += 1
      else if (kinds !== "") silences.set(kinds, { path: ["models", name, "targets", index], count: 1 })
    }
  }
  const isRefused = config.server.unknown_capabilities === "refuse"
  for (const [kinds, { path, count }] of silences) {
    const dropped = kinds.includes("reasoning") ? "; across dialects reasoning is left out" : ""
    const outcome = isRefused ? "are not sent there" : `are tried in the client's own dialect only${dropped}`
    const more = count === 1 ? "" : ` The same is so of ${count - 1} more ${count === 2 ? "target" : "targets"}.`
    const message = `Nothing is said about ${kinds}: calls with them ${outcome}.${more}`
    report({ severity: "warning", code: "capability-unknown", path, message })
  }
}

function unsaid(target: TargetConfig, provider: ProviderConfig): readonly string[] {
  const entry: Partial<ModelConfig> = catalogueEntryOf(target, provider) ?? {}
  const tools = { ...entry.tool_support, ...target.tool_support }
  const shapes = {
    "openai-chat": tools.openai_chat,
    "openai-responses": tools.openai_responses,
    anthropic: tools.anthropic_messages,
  }
  return [
    ...(shapes[target.dialect ?? provider.dialect] === undefined ? ["tools and structured output (tool_support)"] : []),
    ...((target.input_modalities ?? entry.input_modalities) === undefined ? ["images (input_modalities)"] : []),
    ...((target.reasoning ?? entry.reasoning) === undefined ? ["reasoning"] : []),
  ]
}
