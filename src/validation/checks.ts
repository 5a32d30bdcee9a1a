/** The checks, in the order in which they are run. */
import type { Check } from "./check.ts"
import { budget } from "./checks/budget.ts"
import { caps } from "./checks/caps.ts"
import { context } from "./checks/context.ts"
import { document } from "./checks/document.ts"
import { entitlement } from "./checks/entitlement.ts"
import { errors } from "./checks/errors.ts"
import { forcedTools } from "./checks/forced-tools.ts"
import { image } from "./checks/image.ts"
import { parallelTools } from "./checks/parallel-tools.ts"
import { promptCache } from "./checks/prompt-cache.ts"
import { reasoning } from "./checks/reasoning.ts"
import { stopSequences } from "./checks/stop-sequences.ts"
import { streaming } from "./checks/streaming.ts"
import { structuredOutput } from "./checks/structured-output.ts"
import { text } from "./checks/text.ts"
import { tools } from "./checks/tools.ts"

/** The first one decides whether the others are asked. */
export const CHECKS: readonly Check[] = [
  entitlement,
  text,
  budget,
  caps,
  streaming,
  tools,
  forcedTools,
  parallelTools,
  structuredOutput,
  image,
  document,
  reasoning,
  promptCache,
  stopSequences,
  errors,
  context,
]
