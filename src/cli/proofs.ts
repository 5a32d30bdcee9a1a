/** What is proven of the targets of a configuration, for commands. */
import { gatedGroups, unprovenGroups } from "../activation/proven.ts"
import { Standings } from "../activation/standings.ts"
import { readStandings } from "../activation/store.ts"
import { compile } from "../config/compile/compile.ts"
import type { Config } from "../config/config.ts"
import type { Finding } from "../config/findings.ts"
import type { LoadResult } from "../config/load.ts"
import type { Group } from "../config/snapshot.ts"
import { usageAddress } from "../server/retention.ts"
import { systemClock } from "../system/clock.ts"
import { silentLog } from "../system/log.ts"

/** The usage database is asked only where one of the groups demands proofs. @throws Error with a sentence for the operator */
export function standingsFor(groups: Iterable<Group>, config: Config): Promise<Standings> {
  return gatedGroups(groups).length === 0
    ? Promise.resolve(new Standings())
    : readStandings(usageAddress(config), { clock: systemClock, log: silentLog })
}

/** Groups of which no target is proven. */
export async function proofFindings({ config, positionOf }: LoadResult): Promise<readonly Finding[]> {
  if (config === null) return []
  const groups = [...compile(config, { userAgent: "" }).groups.values()]
  const found = (group: Group, message: string): Finding => ({
    severity: "warning",
    code: "unproven",
    path: `models.${group.name}.activation`,
    message,
    ...positionOf(["models", group.name, "activation"]),
  })
  try {
    const standings = await standingsFor(groups, config)
    return unprovenGroups(groups, standings, systemClock.now()).map((group) => {
      const isRequired = group.activation?.mode === "required"
      const meaning = isRequired ? "all of its calls are refused" : "with required, its calls would be refused"
      return found(
        group,
        `No target of this group is proven: ${meaning}. Run smart-router validate --group ${group.name}.`,
      )
    })
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    return gatedGroups(groups).map((group) => found(group, `It is not known what is proven of this group: ${reason}`))
  }
}
