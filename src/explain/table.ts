/** Columns aligned by spaces; the first line is the head. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths: number[] = []
  for (const row of rows)
    for (const [index, cell] of row.entries()) widths[index] = Math.max(widths[index] ?? 0, cell.length)
  return rows
    .map((row) =>
      row
        .map((cell, index) => cell.padEnd(widths[index] ?? 0))
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
