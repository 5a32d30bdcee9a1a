/** What the configuration says of a target, by the key that says it: evidence about the target holds only as long as this stays. */
import type { DialectName } from "../../dialects/name.ts"
import { catalogueEntryOf } from "./target-entry.ts"
import { capabilitiesOf } from "./target-facts.ts"
import type { Accepts, GroupConfig, ProviderConfig, RequestEdits, TargetConfig } from "../config.ts"

/** JSON values; absent: nothing is said. */
export interface DeclaredFacts {
  /** Label of the credential, never the credential. */
  readonly keyId: string | null
  readonly facts: Readonly<Partial<Record<DeclaredKey, unknown>>>
  /** The nearest to the target wins. */
  readonly accepts: Readonly<Partial<Accepts>>
  /** From the widest to the nearest. */
  readonly edits: readonly RequestEdits[]
  /** Of the group: what it does to calls on their way. */
  readonly group: Readonly<Pick<GroupConfig, "translation" | "hosted_tools">>
}

/** As the configuration calls them; those of tools are the words of the target's own dialect. */
export type DeclaredKey =
  | "tools"
  | "tool_choice"
  | "structured_outputs"
  | "image"
  | "reasoning"
  | "context_tokens"
  | "max_output_tokens"
  | "honors_max_tokens"
  | "output_token_field"

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
