/** Names of providers, models and model groups that other sections refer to. */
import { quote, type Report } from "../findings.ts"
import { nearest } from "../../nearest.ts"
import { isActive, listOf, mapping, tableOf, textOf, textsOf, type Entry, type NamedEntry } from "../read/outline.ts"

/** What `server.default_model_group` is when the file does not say; hence no fault when there is no such group. */
export const DEFAULT_GROUP = "default"

/** A section that is no mapping at all is reported by the schema: references to it would only repeat that. */
export function checkReferences(tree: unknown, report: Report): void {
  const root = mapping(tree)
  if (["models", "providers"].some((section) => Array.isArray(root[section]) || typeof root[section] === "string"))
    return
  const groups = tableOf(root["models"], ["models"])
  const known = groupNamesIn(tree)
  const { names } = known
  const providers = new Map(tableOf(root["providers"], ["providers"]).map((provider) => [provider.name, provider]))
  for (const group of groups) checkTargets(group, providers, report)
  checkAliases(groups, names, report)
  checkDefaultGroup(root, names, report)
  for (const caller of listOf(root["callers"], ["callers"])) checkAllowed(caller, known, report)
}

function checkTargets(group: NamedEntry, providers: ReadonlyMap<string, NamedEntry>, report: Report): void {
  const targets = listOf(group.fields["targets"], [...group.path, "targets"])
  if (Array.isArray(group.fields["targets"]) && targets.length === 0) {
    report({
      code: "empty-group",
      path: [...group.path, "targets"],
      message: "A model group needs at least one target.",
    })
  }
  if (
    group.fields["strategy"] === "weighted" &&
    targets.length > 0 &&
    targets.every(({ fields }) => fields["weight"] === 0)
  ) {
    report({
      code: "no-weight",
      path: [...group.path, "targets"],
      message: "All weights are 0, so no target can be drawn.",
    })
  }
  for (const target of targets) checkTarget(target, providers, report)
}

function checkTarget(target: Entry, providers: ReadonlyMap<string, NamedEntry>, report: Report): void {
  const name = textOf(target, "provider")
  if (name === undefined) return
  const provider = providers.get(name)
  if (provider === undefined) {
    const meant = nearest(name, providers.keys())
    const message = `There is no provider ${quote(name)}.`
    report({ code: "unknown-provider", path: [...target.path, "provider"], message, nearest: meant })
    return
  }
  const ref = textOf(target, "model_ref")
  if (ref !== undefined && !Object.hasOwn(mapping(provider.fields["models"]), ref)) {
    const entries = tableOf(provider.fields["models"], [])
    const catalogue = entries.map((entry) => entry.name)
    const message = `The catalogue of provider ${quote(name)} has no model ${quote(ref)}.`
    const meant = entries.find((entry) => textOf(entry, "model") === ref)?.name ?? nearest(ref, catalogue)
    const path = [...target.path, "model_ref"]
    const expected =
      catalogue.length === 0 ? `a name under providers.${name}.models, or \`model\` instead` : oneOf(catalogue)
    report({ code: "unknown-model", path, message, expected, nearest: meant })
  }
}

const MOST_NAMES = 10

function oneOf(names: readonly string[]): string {
  const rest = names.length > MOST_NAMES ? `, and ${names.length - MOST_NAMES} more` : ""
  return `one of ${names.slice(0, MOST_NAMES).map(quote).join(", ")}${rest}`
}

/** What allow lists may name, and what they may not. */
export interface GroupNames {
  readonly names: ReadonlySet<string>
  /** The group of each alias. */
  readonly aliases: ReadonlyMap<string, string>
}

export function groupNamesIn(tree: unknown): GroupNames {
  const groups = tableOf(mapping(tree)["models"], ["models"])
  const aliases = groups.flatMap(({ name, fields }) =>
    textsOf(fields["aliases"], []).map(({ text }) => [text, name] as const),
  )
  // of two groups with the same alias, the first has it
  return { names: new Set(groups.map(({ name }) => name)), aliases: new Map(aliases.toReversed()) }
}

function checkAliases(groups: readonly NamedEntry[], names: ReadonlySet<string>, report: Report): void {
  const owners = new Map<string, string>()
  for (const group of groups) {
    for (const { text: alias, path } of textsOf(group.fields["aliases"], [...group.path, "aliases"])) {
      const owner = owners.get(alias)
      if (names.has(alias)) {
        report({ code: "alias-clash", path, message: `The alias ${quote(alias)} is also the name of a model group.` })
      } else if (owner !== undefined) {
        report({
          code: "alias-clash",
          path,
          message: `The alias ${quote(alias)} already belongs to the model group ${quote(owner)}.`,
        })
      } else {
        owners.set(alias, group.name)
      }
    }
  }
}

function checkDefaultGroup(root: Readonly<Record<string, unknown>>, names: ReadonlySet<string>, report: Report): void {
  const name = mapping(root["server"])["default_model_group"]
  if (typeof name !== "string" || names.has(name)) return
  const meant = nearest(name, names)
  const path = ["server", "default_model_group"]
  const severity = name === DEFAULT_GROUP ? "warning" : "error"
  const message = `There is no model group ${quote(name)}${severity === "error" ? "" : ": calls that name no model are refused"}.`
  report({ severity, code: "unknown-group", path, message, nearest: meant })
}

export function checkAllowed(caller: Entry, { names, aliases }: GroupNames, report: Report): void {
  const severity = isActive(caller) ? "error" : "warning"
  for (const { text: name, path } of textsOf(caller.fields["allow"], [...caller.path, "allow"])) {
    if (names.has(name)) continue
    const owner = aliases.get(name)
    const message =
      owner === undefined
        ? `There is no model group ${quote(name)}.`
        : `${quote(name)} is an alias of the model group ${quote(owner)}: allow lists name groups.`
    report({ severity, code: "unknown-group", path, message, nearest: owner ?? nearest(name, names) })
  }
}
