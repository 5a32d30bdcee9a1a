/** What a configuration should say of targets, by what is proven of them and what calls show. Pure. */
import type { Capability } from "../activation/capabilities.ts"
import { CAPABILITY_KEYS, type DeclarableCapability } from "./capability-keys.ts"
import { shownBy, UNSEEN, type CapabilityFacts, type Observed } from "./capability-facts.ts"
import { toolWordsOf, type DialectWords } from "./entry-lines.ts"

/** A key of a configuration. */
export interface Declaration {
  readonly path: readonly [string, ...(readonly (string | number)[])]
  readonly key: string
  readonly yaml: string
  /** Of which capabilities it speaks, and what shows them. */
  readonly because: string
}

/** Where the configuration says what of a target. */
export interface DeclaredPlace {
  readonly words: DialectWords
  /** The catalogue's entry, or the target where there is none. */
  readonly path: Declaration["path"]
  /** By key: where the target says it itself. */
  readonly ownPath: Declaration["path"]
  readonly ownKeys: readonly string[]
  /** Blocks that stand in the entry already, so that a key is put into them. */
  readonly blocks: readonly string[]
  /** Null: nothing is said. */
  readonly inputModalities: readonly string[] | null
}

export interface KnownTarget {
  readonly place: DeclaredPlace
  readonly capabilities: readonly CapabilityFacts[]
  /** By capability. */
  readonly observed: ReadonlyMap<Capability, Observed>
}

/** Each key once: where targets that share an entry differ, what is denied wins. */
export function declarationsOf(targets: readonly KnownTarget[]): readonly Declaration[] {
  const found = new Map<string, Declaration>()
  for (const declaration of targets.flatMap(ofTarget)) {
    const name = JSON.stringify([declaration.path, declaration.key])
    const before = found.get(name)
    if (before === undefined || allowedBy(declaration) < allowedBy(before)) found.set(name, declaration)
  }
  return [...found.values()]
}

/** Of two values for one key the smaller one denies more. */
function allowedBy({ yaml }: Declaration): number {
  return yaml.includes("false") ? 0 : (yaml.match(/[\w-]+/g)?.length ?? 0)
}

function ofTarget(target: KnownTarget): readonly Declaration[] {
  return [toolSupport(target), inputModalities(target), reasoning(target), honoredCaps(target)].filter(
    (declaration) => declaration !== null,
  )
}

interface Told {
  /** What the configuration should say; null: nothing is known. */
  readonly is: boolean | null
  /** It says otherwise, or nothing. */
  readonly isNew: boolean
  readonly by: string
}

/** Calls tell what nothing is said of; against what is said, a check alone does. */
function told({ capabilities, observed }: KnownTarget, capability: Capability): Told {
  const facts = capabilities.find((one) => one.capability === capability)
  const said = facts?.declared ?? null
  const shown = facts === undefined ? null : shownBy(facts, observed.get(capability) ?? UNSEEN)
  if (shown === null || (shown.by === "calls" && said !== null)) return { is: said, isNew: false, by: "" }
  return { is: shown.is, isNew: shown.is !== said, by: shown.by }
}

type Written = Omit<Declaration, "because">

/** Null: there is nothing new, or too little is known. */
function declared(
  target: KnownTarget,
  capabilities: readonly DeclarableCapability[],
  write: (path: Declaration["path"], key: string) => Written | null,
): Declaration | null {
  const news = capabilities.flatMap((capability) => {
    const { is, isNew, by } = told(target, capability)
    const shows = by === "calls" ? "calls show" : `${by} shows`
    return isNew ? [`${capability}: ${shows} that it ${is === true ? "works" : "does not work"}`] : []
  })
  const [first] = capabilities
  if (news.length === 0 || first === undefined) return null
  const { ownKeys, ownPath, path } = target.place
  const key = CAPABILITY_KEYS[first]
  const written = write(ownKeys.includes(key) ? ownPath : path, key)
  return written === null ? null : { ...written, because: news.join("; ") }
}

function toolSupport(target: KnownTarget): Declaration | null {
  const { words, blocks } = target.place
  return declared(target, ["tools", "forced-tools", "structured-output"], (path, key) => {
    const [tools, toolChoice, structuredOutputs] = (["tools", "forced-tools", "structured-output"] as const).map(
      (capability) => told(target, capability).is,
    ) as [boolean | null, boolean | null, boolean | null]
    const list = toolWordsOf({ tools, toolChoice, structuredOutputs }, words.toolSupport)
    if (list === null) return null
    const yaml = `[${list.join(", ")}]`
    return blocks.includes(key)
      ? { path: [...path, key], key: words.apiShape, yaml }
      : { path, key, yaml: `{ ${words.apiShape}: ${yaml} }` }
  })
}

function inputModalities(target: KnownTarget): Declaration | null {
  return declared(target, ["image"], (path, key) => {
    const others = (target.place.inputModalities ?? ["text"]).filter((word) => word !== "image")
    const list = told(target, "image").is === true ? [...others, "image"] : others
    return { path, key, yaml: `[${list.join(", ")}]` }
  })
}

function reasoning(target: KnownTarget): Declaration | null {
  return declared(target, ["reasoning"], (path, key) => {
    const yaml = String(told(target, "reasoning").is)
    return target.place.blocks.includes(key)
      ? { path: [...path, key], key: "supported", yaml }
      : { path, key, yaml: `{ supported: ${yaml} }` }
  })
}

/** Where nothing is said, caps are taken to be honoured. */
function honoredCaps(target: KnownTarget): Declaration | null {
  const isSaid = target.capabilities.some(({ capability, declared: said }) => capability === "caps" && said === false)
  return declared(target, ["caps"], (path, key) => {
    const { is } = told(target, "caps")
    return is === true && !isSaid ? null : { path, key, yaml: String(is) }
  })
}
