/** Another process holds what is needed: a predecessor that is on its way out, perhaps. */
export class LockedError extends Error {}

const RETRY_MS = 50

/** Tries again while it is locked, for so long. */
export async function patiently<Result>(budgetMs: number, open: () => Result): Promise<Result> {
  for (let waitedMs = 0; ; waitedMs += RETRY_MS) {
    try {
      return open()
    } catch (error) {
      if (!(error instanceof LockedError) || waitedMs >= budgetMs) throw error
    }
    await pauseForLock(RETRY_MS)
  }
}

/** In real time, whatever the clock says: another process holds the lock, or another connection. */
export async function pauseForLock(ms: number): Promise<void> {
  // oxlint-disable-next-line no-restricted-properties
  await Bun.sleep(ms)
}
