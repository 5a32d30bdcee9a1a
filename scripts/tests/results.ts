/** Reads what `bun test` prints, line by line, and counts. */

export interface Counts {
  passed: number
  failed: number
  skipped: number
}

export interface Line {
  readonly text: string
  /** The test file that the line belongs to. */
  readonly file: string
  /** How a test ended; null for every other line. */
  readonly outcome: keyof Counts | null
}

const OUTCOMES: Readonly<Record<string, keyof Counts>> = {
  pass: "passed",
  fail: "failed",
  skip: "skipped",
  todo: "skipped",
}
const RESULT = /^\((pass|fail|skip|todo)\) (.*?)(?: \[[\d.]+m?s\])?$/u
const HEADER = /^(\S+\.(?:test|spec)\.tsx?):$/u
/** Failures of a long run are listed once more at its end. */
const RECAP = /^\d+ tests? failed:$/u
/** The summary of `bun test`: ` 12 pass`. Errors are those outside of any test, such as a file that cannot be loaded. */
const SUMMARY = /^ ?(\d+) (pass|fail|skip|todo|errors?)$/u

export class Results {
  readonly counts: Counts = { passed: 0, failed: 0, skipped: 0 }
  readonly failedTests: string[] = []
  readonly skippedTests: string[] = []
  /** The last result of each file: what stands there when a file hangs. */
  readonly lastTest: Map<string, string> = new Map()
  readonly #summary: Counts = { passed: 0, failed: 0, skipped: 0 }
  #errors = 0
  #hasSummary = false
  #isRecap = false
  #file = ""

  /** Null for lines that say nothing by themselves. */
  take(text: string): Line | null {
    const header = HEADER.exec(text)
    if (header !== null) {
      this.#file = header[1] ?? ""
      return null
    }
    this.#isRecap ||= RECAP.test(text)
    const result = RESULT.exec(text)
    if (result !== null && this.#isRecap) return null
    if (result !== null) return this.#takeResult(text, OUTCOMES[result[1] ?? ""] ?? "failed", result[2] ?? "")
    const summary = SUMMARY.exec(text)
    if (summary === null) return { text, file: this.#file, outcome: null }
    this.#hasSummary = true
    const outcome = OUTCOMES[summary[2] ?? ""]
    if (outcome === undefined) this.#errors += Number(summary[1])
    else this.#summary[outcome] += Number(summary[1])
    return null
  }

  /**
   * The final counts. Each error outside of a test is a failure, and so is an end without a summary.
   */
  total(): Counts {
    const { passed, failed, skipped } = this.counts
    if (!this.#hasSummary) return { passed, failed: failed + 1, skipped }
    return { passed, failed: Math.max(failed + this.#errors, this.#summary.failed), skipped }
  }

  /** Whether the summary of `bun test`, which counts an error as a failure too, and the lines of single tests agree. */
  get agree(): boolean {
    const { passed, failed, skipped } = this.#summary
    const total = this.total()
    return passed === total.passed && failed === total.failed && skipped === total.skipped
  }

  #takeResult(text: string, outcome: keyof Counts, name: string): Line {
    this.counts[outcome] += 1
    this.lastTest.set(this.#file, name)
    if (outcome === "failed") this.failedTests.push(`${this.#file}: ${name}`)
    if (outcome === "skipped") this.skippedTests.push(`${this.#file}: ${name}`)
    return { text, file: this.#file, outcome }
  }
}
