import { cell } from "../bounded-text.ts"

/** Columns aligned by spaces; the first line is the head. Cells may hold what a database or an upstream said. */
export function table(texts: readonly (readonly string[])[]): string {
  const rows = texts.map((row) => row.map(cell))
  const widths: number[] = []
  for (const row of rows)
    for (const [index, { length }] of row.entries()) widths[index] = Math.max(widths[index] ?? 0, length)
  return rows
    .map((row) =>
      row
        .map((text, index) => text.padEnd(widths[index] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n")
}

/** Integer nano-USD as USD. */
export function usd(nanoUsd: number | null): string {
  if (nanoUsd === null) return "unknown"
  const value = nanoUsd / 1e9
  return `$${Math.abs(value) >= 1 || value === 0 ? value.toFixed(2) : value.toPrecision(3)}`
}
