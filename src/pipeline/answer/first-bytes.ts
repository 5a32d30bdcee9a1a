/** What the first bytes of a stream say about it. */
import { OPEN_BRACE } from "../../json/bytes.ts"
import { skipSpace } from "../../json/search.ts"

/** No text begins with the first bytes of gzip or zstd. @throws RangeError where these do */
export function refuseCompressed(bytes: Uint8Array): void {
  if ((bytes[0] === 0x1f && bytes[1] === 0x8b) || (bytes[0] === 0x28 && bytes[1] === 0xb5 && bytes[2] === 0x2f))
    throw new RangeError("the answer is compressed and does not say so", { cause: "content-encoding" })
}

/** JSON where frames were expected. */
export function isObject(bytes: Uint8Array): boolean {
  return bytes[skipSpace(bytes, 0)] === OPEN_BRACE
}
