/** What the operator has redacted, as the engine of the runtime reads it. */

export interface RedactionPattern {
  readonly source: string
  readonly flags: string
}

const POSIX: Readonly<Record<string, string>> = {
  alpha: "A-Za-z",
  alnum: "A-Za-z0-9",
  digit: "0-9",
  lower: "a-z",
  upper: "A-Z",
  space: String.raw`\s`,
  punct: String.raw`!-\/:-@\[-\`{-~`,
  xdigit: "0-9A-Fa-f",
  word: String.raw`\w`,
}

/** RE2's own forms in those of JavaScript: flags in front, named groups, classes of POSIX, ends of the text. @throws SyntaxError */
export function redactionPattern(written: string): RedactionPattern {
  const [prefix = "", named = ""] = /^\(\?([ims]+)\)/.exec(written) ?? []
  const source = written
    .slice(prefix.length)
    .replaceAll("(?P<", "(?<")
    .replaceAll(/\[:([a-z]+):\]/g, (_, name: string) => posix(name))
    .replaceAll(/\\(.)/gsu, (all, letter: string) => ENDS[letter] ?? all)
  const flags = `g${[...new Set(named)].join("")}u`
  return { source, flags: new RegExp(source, flags).flags }
}

function posix(name: string): string {
  const characters = POSIX[name]
  if (characters === undefined) throw new SyntaxError(`there is no class ${name}`)
  return characters
}

const ENDS: Readonly<Record<string, string>> = { A: "(?<![^])", z: "(?![^])" }
