/** How many input tokens a body holds, before anybody has counted them. */
import type { ScannedObject } from "../json/scan.ts"

const BYTES_PER_TOKEN = 4

export function estimatedInputTokens(body: ScannedObject | null): number {
  return body === null ? 0 : Math.ceil(body.bytes.length / BYTES_PER_TOKEN)
}
