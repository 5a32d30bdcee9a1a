/** `${NAME}` and `${file:/path}` inside the texts of a configuration; `$${` stands for `${` itself. */

const REFERENCE = /\$\$\{|\$\{([^}]*)\}?/g
const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]*$/

/** Where the values of references come from; undefined: there is none. */
export interface Sources {
  variable(name: string): string | undefined
  /** The text of a file, without the line break at its end. */
  file(path: string): string | undefined
}

export interface Expansion {
  readonly text: string
  /** What was put in, in order. */
  readonly values: readonly string[]
  readonly missingVariables: readonly string[]
  readonly missingFiles: readonly string[]
  /** References that are neither a name nor a file. */
  readonly malformed: number
}

export function hasReference(text: string): boolean {
  return text.includes("${")
}

/** How shells, templates and other gateways write a variable; a whole value of that form is never meant as it stands. */
const FOREIGN_VARIABLE =
  /^(?:\$[A-Z_][A-Z0-9_]*|\$\([A-Za-z_][A-Za-z0-9_]*\)|%[A-Z_][A-Z0-9_]*%|\{\{.*\}\}|(?:os\.environ|env)[/:.][A-Z_][A-Z0-9_]*)$/

export function isForeignVariable(text: string): boolean {
  return FOREIGN_VARIABLE.test(text)
}

/** An empty value counts as missing: an empty key or address is never what an operator wants. */
export function expand(text: string, sources: Sources): Expansion {
  const values: string[] = []
  const missingVariables: string[] = []
  const missingFiles: string[] = []
  let malformed = 0
  const put = (value: string | undefined, name: string, missing: string[]): string => {
    if (value === undefined || value === "") missing.push(name)
    else values.push(value)
    return value ?? ""
  }
  const expanded = text.replaceAll(REFERENCE, (whole, inside: string | undefined) => {
    if (whole === "$${") return "${"
    const closed = whole.endsWith("}")
    if (closed && inside?.startsWith("file:") === true && inside.length > 5) {
      const path = inside.slice(5)
      return put(sources.file(path), path, missingFiles)
    }
    if (closed && inside !== undefined && VARIABLE.test(inside))
      return put(sources.variable(inside), inside, missingVariables)
    malformed += 1
    return ""
  })
  return { text: expanded, values, missingVariables, missingFiles, malformed }
}
