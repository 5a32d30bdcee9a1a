import type { DialectName } from "../../dialects/name.ts"
import type { DeclaredFacts } from "./declared.ts"
import { catalogueEntryOf } from "./target-entry.ts"
import { capabilitiesOf } from "./target-facts.ts"
import type { GroupConfig, ProviderConfig, TargetConfig } from "../config.ts"

export function declaredFacts(
  dialect: DialectName,
  target: TargetConfig,
  provider: ProviderConfig,
  group: GroupConfig,
): DeclaredFacts {
  const catalogue = catalogueEntryOf(target, provider)
  const { translation, hosted_tools } = group
  const said = capabilitiesOf({ dialect, catalogue, target, refuseUnknown: false })
  return {
    keyId: provider.key_id ?? null,
    facts: {
      tools: said.tools,
      tool_choice: said.toolChoice,
      structured_outputs: said.structuredOutput,
      image: said.images,
      reasoning: target.reasoning ?? catalogue?.reasoning,
      answers_as: target.answers_as ?? catalogue?.answers_as,
      context_tokens: target.context_tokens ?? catalogue?.context_tokens,
      max_output_tokens: target.max_output_tokens ?? catalogue?.max_output_tokens,
      honors_max_tokens: target.honors_max_tokens ?? catalogue?.honors_max_tokens,
      output_token_field: target.output_token_field ?? catalogue?.output_token_field,
    },
    accepts: { ...provider.accepts, ...catalogue?.accepts, ...target.accepts },
    edits: [provider.request, catalogue?.request, target.request].filter((one) => one !== undefined),
    group: { translation, hosted_tools },
  }
}
