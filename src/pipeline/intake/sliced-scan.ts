/** The scan of a large body, in slices, so that other calls go on in between. */
import { ObjectScan, type ScanBounds, type ScannedObject } from "../../json/scan.ts"
import type { Gateway } from "../gateway.ts"

/** A larger body is scanned in slices of about this size. */
export const SLICE_BYTES: number = 1 << 20

/** Rejects with JsonFault. */
export async function scanInSlices(
  bytes: Uint8Array,
  bounds: ScanBounds,
  requestId: string,
  { loop }: Pick<Gateway, "loop">,
): Promise<ScannedObject> {
  const scan = new ObjectScan(bytes, bounds)
  const slice = (stop: number): boolean =>
    loop.timed("scan the body", requestId, SLICE_BYTES, () => scan.run(Math.min(stop, bytes.length)))
  for (let stop = SLICE_BYTES; !slice(stop); stop += SLICE_BYTES) await loop.turn()
  return scan.result()
}

const UNBOUNDED: ScanBounds = { maxDepth: Infinity, maxValues: Infinity, maxMembers: Infinity }

/** Of a body that the router has written from one that it took. */
export function rescan(bytes: Uint8Array, requestId: string, gateway: Pick<Gateway, "loop">): Promise<ScannedObject> {
  return scanInSlices(bytes, UNBOUNDED, requestId, gateway)
}
