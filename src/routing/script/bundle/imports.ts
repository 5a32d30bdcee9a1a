/** What a text of code imports, and what of it no script may import; judged on tokens. */
import { builtinModules } from "node:module"
import { tokensOf, type Token } from "./tokens.ts"

export interface Import {
  readonly specifier: string
  /** Where it stands, in UTF-16 units. */
  readonly at: number
  /** `with { … }`, `assert { … }`, or a second argument of `import()`. */
  readonly hasAttributes: boolean
  /** `require` may be the name of anything: only the bundler knows. */
  readonly isRequire: boolean
}

const SCHEME = /^[a-z][a-z0-9+.-]*:/i

/** Null: it may be imported, if it is there. */
export function whyForeign(specifier: string): string | null {
  if (!SCHEME.test(specifier) && !builtinModules.includes(specifier)) return null
  return `a script cannot import ${JSON.stringify(specifier)}: it has no access to the system`
}

export function whyRefused({ specifier, hasAttributes, isRequire }: Import): string | null {
  if (hasAttributes)
    return `the import of ${JSON.stringify(specifier)} has attributes, and a script's imports may have none: import code`
  return isRequire ? null : whyForeign(specifier)
}

export function importsOf(source: string): readonly Import[] {
  const tokens = tokensOf(source)
  return tokens.flatMap((token, index) => {
    if (token.kind !== "word" || isSign(tokens[index - 1], ".")) return []
    if (token.value === "import") return importAt(tokens, index + 1)
    if (token.value === "export") return from(tokens, index + 1)
    if (token.value === "require") return called(tokens, index + 1, true)
    return []
  })
}

function importAt(tokens: readonly Token[], index: number): readonly Import[] {
  const next = tokens[index]
  if (isSign(next, "(")) return called(tokens, index, false)
  // import.defer(…), import.source(…)
  if (isSign(next, ".")) return called(tokens, index + 2, false)
  return next?.kind === "text" ? declared(tokens, index) : from(tokens, index)
}

/** `… from "x"`, which only names, stars and braces may precede. */
function from(tokens: readonly Token[], index: number): readonly Import[] {
  let isOpen = false
  for (let at = index; at < tokens.length; at++) {
    const token = tokens[at]
    if (token?.kind === "word") {
      if (token.value === "from" && tokens[at + 1]?.kind === "text") return declared(tokens, at + 1)
      if (!isOpen && (token.value === "import" || token.value === "export")) return []
    } else if (token?.kind === "sign") {
      if (!"{},*".includes(token.value) || (isOpen && token.value === "{")) return []
      isOpen = token.value === "{" || (isOpen && token.value !== "}")
    }
  }
  return []
}

function declared(tokens: readonly Token[], index: number): readonly Import[] {
  const text = tokens[index]
  const word = tokens[index + 1]
  const isAttribute = word?.kind === "word" && (word.value === "with" || word.value === "assert")
  const hasAttributes = isAttribute && isSign(tokens[index + 2], "{")
  return text === undefined ? [] : [{ specifier: text.value, at: text.at, hasAttributes, isRequire: false }]
}

/** `("x")`, `("x", …)`. */
function called(tokens: readonly Token[], index: number, isRequire: boolean): readonly Import[] {
  const [bracket, text, behind, more] = tokens.slice(index, index + 4)
  if (!isSign(bracket, "(")) return []
  if (text?.kind !== "text" || (!isSign(behind, ")") && !isSign(behind, ","))) return []
  const hasAttributes = !isRequire && isSign(behind, ",") && !isSign(more, ")")
  return [{ specifier: text.value, at: text.at, hasAttributes, isRequire }]
}

function isSign(token: Token | undefined, value: string): boolean {
  return token?.kind === "sign" && token.value === value
}
