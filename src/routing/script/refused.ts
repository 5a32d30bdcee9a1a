/** What is wrong with a script, by file, line and column. */
export class ScriptRefused extends Error {
  /** Every file that was read, and those that were looked for in vain. */
  readonly files: readonly string[]

  constructor(message: string, files: readonly string[]) {
    super(message)
    this.name = "ScriptRefused"
    this.files = files
  }
}
