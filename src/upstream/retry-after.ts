/** `Retry-After` as upstreams send it: seconds or an HTTP date (RFC 9110, 10.2.3). */

const LONGEST_MS = 24 * 60 * 60 * 1000

/** Milliseconds to wait from `nowMs`, bounded to a day; null when absent or unreadable. */
export function retryAfterMs(value: string | null, nowMs: number): number | null {
  if (value === null) return null
  const text = value.trim()
  if (/^\d+(\.\d+)?$/.test(text)) return Math.min(Math.round(Number(text) * 1000), LONGEST_MS)
  const at = Date.parse(text)
  return Number.isNaN(at) ? null : Math.min(Math.max(0, at - nowMs), LONGEST_MS)
}
