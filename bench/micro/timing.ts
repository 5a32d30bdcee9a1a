/** CPU time of small functions: they take turns, so that all of them see the same machine. */

const ROUNDS = 15

/** Prints for each function the least and the median CPU time of one run, in microseconds. */
export function compare(title: string, runsPerRound: number, work: Readonly<Record<string, () => unknown>>): void {
  const times = Object.entries(work).map(([name, run]) => ({ name, run, micros: [] as number[] }))
  for (let round = -1; round < ROUNDS; round++) {
    for (const { run, micros } of times) {
      const before = process.cpuUsage()
      for (let count = 0; count < runsPerRound; count++) run()
      const { user, system } = process.cpuUsage(before)
      // the first round warms up
      if (round >= 0) micros.push((user + system) / runsPerRound)
    }
  }
  process.stdout.write(`${title}\n`)
  for (const { name, micros } of times) {
    const sorted = micros.toSorted((a, b) => a - b)
    const least = sorted[0] ?? Number.NaN
    const middle = sorted[ROUNDS >> 1] ?? Number.NaN
    process.stdout.write(`  ${name.padEnd(28)} least ${least.toFixed(2)} µs, median ${middle.toFixed(2)} µs\n`)
  }
}
