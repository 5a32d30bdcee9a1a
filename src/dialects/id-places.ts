/**
 * Every place where a client of a dialect can say an id of something that is not in its request, and what binds it. The
 * tables of the dialects are what the router goes by; docs/stored-state.md is written from them.
 */
import type { JsonObject } from "../canonical/json.ts"
import { asArray, asObject, type Loose } from "./loose.ts"
import type { HeldId, StoredKind } from "./stored-ids.ts"

/**
 * `refuse`: the call goes to the target that handed the id out; one that was not handed out to this project is 404.
 * `leave-out`: the same, but the item with an unknown id is left out, as the loss `stored-reference`.
 * `hint`: a known id goes along, and binds the call to no target; an unknown one becomes `null`, with the same loss.
 * `rename`: a known id goes along, and binds the call to no target; an unknown one becomes one of the router's own.
 * `account`: not bound: it names what belongs to the provider's account, so whoever may use the key may name it.
 * `request`: it means something within the request alone, or nothing at all.
 */
export type Binding = "refuse" | "leave-out" | "hint" | "rename" | "account" | "request"

export interface IdPlace {
  /**
   * Names of members with dots between; `[]`: each element, `[+]`: each element and those nested in it (`nested` of the
   * dialect), `{}`: the value of each member.
   */
  readonly at: string
  readonly names: string
  readonly binding: Binding
  /** What it is recorded as; null where it is not bound. */
  readonly kind: StoredKind | null
  /** Of the object that holds the last name: is what stands there such an id? Always, where nothing is said. */
  readonly where?: ((holder: Loose, name: string) => boolean) | undefined
  /** What `where` says, for the documentation. */
  readonly condition?: string
}

/** An object within an element, and where it stands below it. */
export interface Nested {
  readonly below: string
  readonly element: unknown
}

export type NestedIn = (element: Loose) => readonly Nested[]

/** Every id in the request that its place binds. */
export function idsAt(body: JsonObject, places: readonly IdPlace[], nested: NestedIn): readonly HeldId[] {
  const found: HeldId[] = []
  for (const { at, kind, binding, where } of places) {
    if (kind === null) continue
    walk(body, stepsOf(at), "", nested, (value, param, holder, name) => {
      if (typeof value !== "string" || (holder !== null && where?.(holder, name) === false)) return
      found.push({ kind, id: value, param, binding })
    })
  }
  return found
}

type Step = string

const cache = new Map<string, readonly Step[]>()

function stepsOf(at: string): readonly Step[] {
  let steps = cache.get(at)
  if (steps === undefined) {
    steps = at.split(/\.|(?=\[|\{)/)
    cache.set(at, steps)
  }
  return steps
}

type Found = (value: unknown, param: string, holder: Loose | null, name: string) => void

function walk(value: unknown, steps: readonly Step[], param: string, nested: NestedIn, found: Found): void {
  const [step, ...rest] = steps
  const go = (inner: unknown, at: string, name: string = ""): void => {
    if (rest.length === 0) found(inner, at, asObject(value), name)
    else walk(inner, rest, at, nested, found)
  }
  if (step === "[]") {
    for (const [index, element] of asArray(value).entries()) go(element, `${param}[${index}]`)
  } else if (step === "[+]") {
    for (const [index, element] of asArray(value).entries()) eachNested(element, `${param}[${index}]`, nested, go)
  } else if (step === "{}") {
    for (const [name, inner] of Object.entries(asObject(value) ?? {})) go(inner, `${param}.${name}`, name)
  } else if (step !== undefined) {
    const object = asObject(value)
    if (object !== null) go(object[step], param === "" ? step : `${param}.${step}`, step)
  }
}

function eachNested(
  element: unknown,
  param: string,
  nested: NestedIn,
  go: (element: unknown, param: string) => void,
): void {
  go(element, param)
  const object = asObject(element)
  if (object === null) return
  for (const inner of nested(object)) eachNested(inner.element, `${param}.${inner.below}`, nested, go)
}

/** The elements of a list in an object, as they are nested. */
export function elementsOf(list: unknown, below: string): readonly Nested[] {
  return asArray(list).map((element, index) => ({ below: `${below}[${index}]`, element }))
}
