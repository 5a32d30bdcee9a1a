/** Durations as the configuration writes them: `500ms`, `30s`, `15m`, `24h`, `31d`. */

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

export const DURATION: RegExp = /^(\d{1,9})(ms|s|m|h|d)$/

/** Milliseconds, or NaN where the text does not match `DURATION`. */
export function parseDurationMs(text: string): number {
  const [, amount, unit] = DURATION.exec(text) ?? []
  return Number(amount ?? Number.NaN) * (UNIT_MS[unit ?? ""] ?? Number.NaN)
}
