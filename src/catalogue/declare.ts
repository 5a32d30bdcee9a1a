/** What a configuration should say of targets, by what is proven of them and what calls show. Pure. */
import type { Capability } from "../activation/capabilities.ts"
import { CAPABILITY_KEYS } from "./capability-keys.ts"
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
    if (before === undefined || declaration.yaml.length < before.yaml.length) found.set(name, declaration)
  }
  return [...found.values()]
}

function ofTarget({ place, capabilities, observed }: KnownTarget): readonly Declaration[] {
  const known = new Map(
    capabilities.map((facts) => [
      facts.capability,
      { facts, shown: shownBy(facts, observed.get(facts.capability) ?? UNSEEN) },
    ]),
  )
  /** What it should say, and whether that differs from what it says. */
  const told = (capability: Capability) => {
    const { facts, shown } = known.get(capability) ?? {}
    const is = shown?.is ?? facts?.declared ?? null
    return { is, isNew: shown !== null && shown !== undefined && shown.is !== facts?.declared, by: shown?.by ?? "" }
  }
  const because = (all: readonly Capability[]): string =>
    all
      .map((capability) => ({ capability, ...told(capability) }))
      .filter(({ isNew }) => isNew)
      .map(
        ({ capability, is, by }) =>
          `${capability}: ${by} ${by === "calls" ? "show" : "shows"} ${is === true ? "that it works" : "that it does not"}`,
      )
      .join("; ")
  const put = (
    capabilities_: readonly Capability[],
    key: string,
    write: (path: Declaration["path"]) => Omit<Declaration, "because"> | null,
  ): readonly Declaration[] => {
    if (!capabilities_.some((capability) => told(capability).isNew)) return []
    const written = write(place.ownKeys.includes(key) ? place.ownPath : place.path)
    return written === null ? [] : [{ ...written, because: because(capabilities_) }]
  }
  const { words } = place
  return [
    ...put(["tools", "forced-tools", "structured-output"], "tool_support", (path) => {
      const said = {
        tools: told("tools").is,
        toolChoice: told("forced-tools").is,
        structuredOutputs: told("structured-output").is,
      }
      const list = toolWordsOf(said, words.toolSupport)
      if (list === null) return null
      const yaml = `[${list.join(", ")}]`
      return place.blocks.includes("tool_support")
        ? { path: [...path, "tool_support"], key: words.apiShape, yaml }
        : { path, key: "tool_support", yaml: `{ ${words.apiShape}: ${yaml} }` }
    }),
    ...put(["image"], CAPABILITY_KEYS.image, (path) => {
      const others = (place.inputModalities ?? ["text"]).filter((word) => word !== "image")
      const list = told("image").is === true ? [...others, "image"] : others
      return { path, key: CAPABILITY_KEYS.image, yaml: `[${list.join(", ")}]` }
    }),
    ...put(["reasoning"], CAPABILITY_KEYS.reasoning, (path) => {
      const yaml = String(told("reasoning").is)
      return place.blocks.includes("reasoning")
        ? { path: [...path, "reasoning"], key: "supported", yaml }
        : { path, key: "reasoning", yaml: `{ supported: ${yaml} }` }
    }),
    ...put(["caps"], CAPABILITY_KEYS.caps, (path) => ({
      path,
      key: CAPABILITY_KEYS.caps,
      yaml: String(told("caps").is),
    })),
  ]
}
