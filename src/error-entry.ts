/** What the catalogue says of an error. */

/** Whose fault it is: decides what counts against a target, and how logs and reports group it. */
export type Blame = "caller" | "operator" | "router" | "upstream"

export interface Entry {
  readonly status: number
  readonly blame: Blame
  /** May the same request succeed later without a change? `false` is sent as `x-should-retry: false`. */
  readonly retryable: boolean
  readonly message: string
}
