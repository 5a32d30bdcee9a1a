/** A client's bound of the output. */
export interface OutputCap {
  /** The body's field that says it; where several do, the one that allows most. */
  readonly field: string
  /** All fields of the body that say a cap above 0. Servers do not read all of them. */
  readonly fields: readonly string[]
  /** Per answer; 0 is a cap too. */
  readonly tokens: number
}
