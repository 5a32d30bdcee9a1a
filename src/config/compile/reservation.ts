import type { ReservePrices } from "./reserve-prices.ts"

/** What admission must know of a target before a call is made. */
export interface Reservation {
  /** Null: unknown. */
  readonly prices: ReservePrices | null
  readonly contextTokens: number | null
  readonly maxOutputTokens: number | null
  /** Of one image at most; null: unknown. */
  readonly maxImageTokens: number | null
  /** The fields of a request body that the server takes for an output cap; null: the one that its dialect has. */
  readonly capFields: readonly string[] | null
  /** Of a stream without a cap, to begin with. */
  readonly streamTokens: number
}
