/** Texts of the foreign file as texts of ours: `os.environ/NAME` becomes `${NAME}`, and keys in plain text get a variable. */

const REFERENCE = /^os\.environ\/([A-Za-z_][A-Za-z0-9_]*)$/u

export class Secrets {
  /** For env.json: keys that stood in the file itself, by the variable that was made for them. */
  readonly values: Record<string, string> = {}

  /** A text that is no secret. */
  plain(text: string): string {
    const name = REFERENCE.exec(text)?.[1]
    return name === undefined ? text.replaceAll("${", "$${") : `\${${name}}`
  }

  /** A secret, with the variable to keep it in where it stands in the file itself. */
  secret(text: string, variable: string): string {
    if (REFERENCE.test(text)) return this.plain(text)
    let name = variable
    for (let count = 2; (this.values[name] ?? text) !== text; count += 1) name = `${variable}_${count}`
    this.values[name] = text
    return `\${${name}}`
  }
}

/** The value behind a text; undefined: the variable is not set here. */
export function resolved(text: string, env: Readonly<Record<string, string | undefined>>): string | undefined {
  const name = REFERENCE.exec(text)?.[1]
  return name === undefined ? text : env[name]
}
