/** Ctrl-C for commands that have something to say when they are stopped; a second one ends the process at once. */
export class Interrupt implements Disposable {
  isPressed = false
  private onPressed: (() => void) | null = null
  private readonly listener: () => void

  constructor() {
    this.listener = () => {
      this.isPressed = true
      this[Symbol.dispose]()
      this.onPressed?.()
    }
    process.on("SIGINT", this.listener)
  }

  /**
   * Undefined: it was pressed meanwhile, and nobody waits for the work any more. One work at a time. (A race with one
   * promise that stays would hold every result until the end.)
   */
  async during<Result>(work: Promise<Result>): Promise<Result | undefined> {
    if (this.isPressed) return undefined
    const { promise, resolve, reject } = Promise.withResolvers<Result | undefined>()
    this.onPressed = () => resolve(undefined)
    work.then(resolve, reject)
    try {
      return await promise
    } finally {
      this.onPressed = null
    }
  }

  [Symbol.dispose](): void {
    process.off("SIGINT", this.listener)
  }
}
