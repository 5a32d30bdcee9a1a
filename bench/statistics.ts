/** Figures of noisy machines: only medians, and ratios taken within one round, mean anything. */

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[sorted.length >> 1] ?? Number.NaN
}

/** The median over rounds of `values[round] / base[round]`. */
export function medianRatio(values: readonly number[], base: readonly number[]): number {
  return median(ratios(values, base))
}

/** Smallest and largest ratio of any round. */
export function ratioSpread(values: readonly number[], base: readonly number[]): readonly [number, number] {
  const all = ratios(values, base)
  return [Math.min(...all), Math.max(...all)]
}

function ratios(values: readonly number[], base: readonly number[]): number[] {
  return values.flatMap((value, round) => {
    const under = base[round]
    return under === undefined ? [] : [value / under]
  })
}
