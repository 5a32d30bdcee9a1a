/** A bar on standard error while something takes long; silent where nobody looks. */
const WIDTH = 30

export class Progress {
  private readonly isShown: boolean
  private shown = ""

  constructor(isShown: boolean = process.stderr.isTTY) {
    this.isShown = isShown
  }

  /** `share`: 0 to 1. */
  show(share: number, what: string): void {
    if (!this.isShown) return
    const full = Math.round(Math.min(1, Math.max(0, share)) * WIDTH)
    const line = `[${"#".repeat(full)}${".".repeat(WIDTH - full)}] ${what}`
    process.stderr.write(`\r${line.padEnd(this.shown.length)}`)
    this.shown = line
  }

  /** Leaves no trace of the bar. */
  end(): void {
    if (this.shown !== "") process.stderr.write(`\r${" ".repeat(this.shown.length)}\r`)
    this.shown = ""
  }
}
