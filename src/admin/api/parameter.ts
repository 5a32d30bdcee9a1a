/** The parameters of operations, each once: for reading it, for refusing it, and for the document of the API. */
import { RouterError } from "../../errors.ts"
import { nearest } from "../../nearest.ts"

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }
export type JsonSchema = { readonly [key: string]: Json }

export interface Parameter {
  readonly name: string
  readonly place: "query" | "path"
  /** A sentence. */
  readonly about: string
  readonly schema: JsonSchema
  /** A value that is always right. */
  readonly example: string
  /** May be given several times. */
  readonly repeats?: true
  /** Nothing is answered without it. Those of a path always are. */
  readonly isRequired?: true
}

const LONGEST_VALUE = 4096
const MOST_VALUES = 100

/** The texts that were given, by name. */
export type Texts = ReadonlyMap<string, readonly string[]>

/**
 * The parameters of a query, as far as their names and number go; an empty value is the same as none.
 * @throws RouterError `invalid-report-filter`
 */
export function readTexts(search: string, parameters: readonly Parameter[]): Texts {
  const texts = new Map<string, string[]>()
  const known = parameters.filter(({ place }) => place === "query")
  for (const [name, value] of new URLSearchParams(search)) {
    const parameter = known.find((each) => each.name === name)
    if (parameter === undefined) throw unknownParameter(name, known)
    if (value === "") continue
    if (value.length > LONGEST_VALUE) throw invalid(name, `\`${name}\` is longer than ${LONGEST_VALUE} characters.`)
    const before = texts.get(name) ?? []
    if (before.length > 0 && parameter.repeats === undefined) throw invalid(name, `\`${name}\` may be given once only.`)
    if (before.length >= MOST_VALUES) throw invalid(name, `\`${name}\` may be given ${MOST_VALUES} times at most.`)
    texts.set(name, [...before, value])
  }
  return texts
}

function unknownParameter(name: string, known: readonly Parameter[]): RouterError {
  const names = known.map((each) => each.name)
  const meant = nearest(name, names)
  const hint = meant === undefined ? `There are ${names.join(", ")}.` : `Did you mean ${meant}?`
  const told = names.length === 0 ? "This takes no parameters." : hint
  return invalid(name.slice(0, 100), `There is no parameter ${JSON.stringify(name.slice(0, 100))} here. ${told}`)
}

export function one(texts: Texts, name: string): string | undefined {
  return texts.get(name)?.[0]
}

export function invalid(param: string, message: string): RouterError {
  return new RouterError("invalid-report-filter", { param, message })
}
