/** Bundles and tries the scripts of a configuration, as the start of the router would. */
import { compile } from "../config/compile/compile.ts"
import type { Finding } from "../config/findings.ts"
import type { LoadResult } from "../config/load.ts"
import { Scripts } from "../routing/script/scripts.ts"
import { computingClocks, systemClock } from "../system/clock.ts"
import { silentLog } from "../system/log.ts"

export async function scriptFindings({ config, positionOf }: LoadResult): Promise<readonly Finding[]> {
  if (config === null) return []
  const nobody = { send: () => Promise.resolve({ kind: "fault", fault: "forbidden" } as const) }
  const scripts = new Scripts({ client: nobody, clock: systemClock, clocks: computingClocks, log: silentLog })
  const findings: Finding[] = []
  const groups = [...new Set(compile(config, { userAgent: "" }).groups.values())]
  await scripts.bundle(groups)
  for (const group of groups) {
    try {
      await scripts.prepare([group])
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error)
      const own = `models.${group.name}.script`
      const isOwn = message.startsWith(`${own}: `)
      const path = isOwn ? own : `models.${group.name}.shadow.script`
      const position = positionOf(["models", group.name, ...(isOwn ? [] : ["shadow"]), "script"])
      findings.push({
        severity: "error",
        code: "invalid-script",
        path,
        message: message.replace(`${path}: `, ""),
        ...position,
      })
    }
  }
  return findings
}
