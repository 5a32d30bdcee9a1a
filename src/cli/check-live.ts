/** What asking the providers themselves says of a configuration. */
import { compile } from "../config/compile/compile.ts"
import { formatPath, type Finding } from "../config/findings.ts"
import type { LoadResult } from "../config/load.ts"
import { REASONS } from "../reasons.ts"
import { askProviders, type Asked } from "../server/live-check.ts"
import { systemClock } from "../system/clock.ts"

export async function liveFindings({ config, lineOf, positionOf }: LoadResult): Promise<readonly Finding[]> {
  if (config === null) return []
  const asked = await askProviders(compile(config, { userAgent: "smart-router", lineOf }), systemClock)
  return asked.flatMap((one) => {
    const path = ["providers", one.provider]
    return told(one).map((said) => ({ ...said, code: "live", path: formatPath(path), ...positionOf(path) }) as const)
  })
}

function told({ reason, missing }: Asked): readonly Pick<Finding, "severity" | "message">[] {
  if (reason !== null) return [{ severity: "error", message: `It cannot be used (${reason}): ${REASONS[reason]}.` }]
  if (missing === null)
    return [{ severity: "info", message: "It answers. It lists no models, so its key and its models are not tested." }]
  if (missing.length === 0)
    return [{ severity: "info", message: "It answers, takes the key, and lists the models of its targets." }]
  const names = missing.map((model) => JSON.stringify(model)).join(", ")
  return [{ severity: "warning", message: `It answers, takes the key, and does not list ${names}.` }]
}
