/** Randomness, handed in so that tests can fix it. */

export interface Random {
  /** Uniform in [0, 1); for routing, not for secrets. */
  readonly number: () => number
  /** `count` bytes as lower-case hex, unpredictable. */
  readonly hex: (count: number) => string
}

const POOL_BYTES = 4096

/** Draws from the system in large portions: one call to the kernel serves hundreds of ids. */
export function systemRandom(): Random {
  const pool = Buffer.alloc(POOL_BYTES)
  let used = POOL_BYTES
  return {
    number: () => Math.random(),
    hex(count) {
      if (used + count > POOL_BYTES) {
        crypto.getRandomValues(pool)
        used = 0
      }
      used += count
      return pool.toString("hex", used - count, used)
    },
  }
}
