/** Contracts that cannot be kept are found before a call is: a promise that no target keeps is an error of the file. */
import type { Config, GroupConfig, ModelConfig, TargetConfig } from "../config.ts"
import { contractFacts, promisedDialects, targetContract, type ContractFacts } from "../compile/contract.ts"
import { quoted, type Report } from "../findings.ts"
import { nearest } from "../../nearest.ts"
import type { Path } from "../schema/inspect.ts"
import { isRanked, spendCeiling } from "../compile/spend-ceiling.ts"
import { TIER_ORDER } from "../schema/word-lists.ts"
import { capabilitiesOf } from "../compile/target-facts.ts"
import { catalogueEntryOf, providerOf } from "../compile/target-entry.ts"

export function checkContracts(config: Config, report: Report): void {
  for (const [name, group] of Object.entries(config.models)) {
    if (group.contract !== undefined) checkContract(group, ["models", name, "contract"], config, report)
    checkTiers(group, ["models", name, "spend_ceiling"], config, report)
  }
}

/** What a ceiling costs depends on the call; what it says about tiers does not. */
function checkTiers(group: GroupConfig, path: Path, config: Config, report: Report): void {
  const isKnown = group.spend_ceiling === undefined || isRanked(group.spend_ceiling)
  if (!isKnown) {
    const message = "This tier has no place in the order of tiers, so only its own targets are allowed."
    const expected = `one of ${TIER_ORDER.join(", ")}, or allowed_tiers`
    report({ severity: "warning", code: "unranked-tier", path: [...path, "max_tier"], message, expected })
  }
  const allowed = spendCeiling(group.spend_ceiling)?.allowedTiers ?? null
  if (allowed === null || group.targets.length === 0) return
  const tiers = group.targets.flatMap((target) => target.tier ?? catalogueOf(target, config)?.tier ?? [])
  if (tiers.some((tier) => allowed.has(tier))) return
  const meant = nearest([...allowed][0] ?? "", tiers)
  const message = "No target of the group is of a tier that this ceiling allows."
  const severity = isKnown ? "error" : "warning"
  report({ severity, code: "ceiling-unmet", path, atKey: true, message, nearest: meant })
}

function checkContract(group: GroupConfig, path: Path, config: Config, report: Report): void {
  const { contract } = group
  if (contract === undefined || group.targets.length === 0) return
  checkApiShapes(group, [...path, "supported_api_shapes"], config, report)
  const floor = contract.quality_floor
  const tags = new Set(group.targets.flatMap((target) => target.tags))
  for (const [index, tag] of (floor?.require_tags ?? []).entries()) {
    if (tags.has(tag)) continue
    const message = `No target of the group carries the tag ${quoted(tag)}.`
    const at = [...path, "quality_floor", "require_tags", index]
    report({ code: "contract-unmet", path: at, message, nearest: nearest(tag, tags) })
  }
  const statuses = new Set(group.targets.flatMap(({ validation }) => validation?.status ?? []))
  const allowed = floor?.allowed_validation_status ?? []
  if (allowed.length > 0 && !allowed.some((status) => statuses.has(status))) {
    const message = "No target of the group was validated with any of these statuses."
    const at = [...path, "quality_floor", "allowed_validation_status"]
    const meant = nearest(allowed[0] ?? "", statuses)
    report({ code: "contract-unmet", path: at, message, nearest: meant })
  }
  checkTargets(group, path, config, report)
}

function checkApiShapes(group: GroupConfig, path: Path, config: Config, report: Report): void {
  const spoken = new Set(group.targets.map((target) => dialectOf(target, config)))
  for (const [index, shape] of (group.contract?.supported_api_shapes ?? []).entries()) {
    const [dialect] = promisedDialects({ intended_workloads: [], supported_api_shapes: [shape] }) ?? []
    if (dialect === undefined || spoken.has(dialect) || group.translation !== "off") continue
    const message = `No target of the group speaks ${dialect}, and the group does not translate.`
    report({ code: "contract-unmet", path: [...path, index], message })
  }
}

function checkTargets(group: GroupConfig, path: Path, config: Config, report: Report): void {
  const lacks = group.targets.map((target) => targetContract(group.contract, factsOf(target, config)).lacks)
  if (lacks.includes(null)) return
  const reasons = lacks.map((reason, index) => `targets[${index}]: ${reason ?? ""}`).join(", ")
  const message = `No target of the group can keep the contract (${reasons}).`
  report({ code: "contract-unmet", path, atKey: true, message })
}

function dialectOf(target: TargetConfig, config: Config) {
  return target.dialect ?? providerOf(target, config)?.dialect ?? "openai-chat"
}

function catalogueOf(target: TargetConfig, config: Config): ModelConfig | undefined {
  return catalogueEntryOf(target, providerOf(target, config))
}

function factsOf(target: TargetConfig, config: Config): ContractFacts {
  const catalogue = catalogueOf(target, config)
  const dialect = dialectOf(target, config)
  return contractFacts(capabilitiesOf({ dialect, catalogue, target, refuseUnknown: true }), catalogue, target)
}
