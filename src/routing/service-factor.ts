/** By how much a call may cost more than the plain prices, for the service that its request asks for or leaves open. */
import type { Target } from "../config/snapshot.ts"
import type { DialectName } from "../dialects/name.ts"
import type { RequestShape, ServiceAsked } from "../dialects/shape-reader.ts"

type ReservePrices = NonNullable<Target["reservation"]["prices"]>

interface Asking {
  readonly shape: Pick<RequestShape, "service">
  readonly dialect: { readonly name: DialectName }
}

const OPEN: ServiceAsked = { tier: "open", place: "open", isFast: false }

/**
 * What the provider may choose counts at its dearest: it serves at its project's or workspace's setting where a request
 * does not bind it. Words reach only a target of the request's own dialect.
 * https://developers.openai.com/api/docs/guides/fast-mode, https://platform.claude.com/docs/en/api/service-tiers
 */
export function dearestFactor({ dialect, reservation: { prices } }: Target, asked: Asking): number {
  if (prices === null || !hasFactors(prices)) return 1
  const { tier, place, isFast } = dialect === asked.dialect.name ? asked.shape.service : OPEN
  return product(prices, tier !== "plain", place !== "plain", isFast)
}

/** The same of what the request itself asks for: what it leaves open is taken to be plain. */
export function askedFactor({ reservation: { prices } }: Target, { shape }: Asking): number {
  if (prices === null || !hasFactors(prices)) return 1
  const { tier, place, isFast } = shape.service
  return product(prices, tier === "dear", place === "dear", isFast)
}

function product(prices: ReservePrices, isTierDear: boolean, isPlaceDear: boolean, isFast: boolean): number {
  const tier = isTierDear ? prices.serviceTierFactor : 1
  const place = isPlaceDear ? prices.inferenceGeoFactor : 1
  return tier * place * (isFast ? prices.speedFactor : 1)
}

/** A target whose prices have no factors needs no look at the request. */
function hasFactors({ serviceTierFactor, speedFactor, inferenceGeoFactor }: ReservePrices): boolean {
  return serviceTierFactor > 1 || speedFactor > 1 || inferenceGeoFactor > 1
}
