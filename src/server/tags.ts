/** Writes down which tags callers have, whenever a configuration comes into force: `caller_tags`. */
import type { CallerTags } from "../ledger/caller-tags.ts"
import type { LedgerStore } from "../ledger/open.ts"
import type { Clock, Timer } from "../system/clock.ts"
import type { Log } from "../system/log.ts"

export interface TagKeeper {
  /** Beside the calls. Tried again while the usage database takes no rows. */
  follow(tags: CallerTags): void
  close(): void
}

const AGAIN_MS = 5000

export function tagKeeper(tags: CallerTags, ledger: Pick<LedgerStore, "keepTags">, clock: Clock, log: Log): TagKeeper {
  let newest: CallerTags | null = null
  let timer: Timer | null = null
  let last: Promise<void> = Promise.resolve()
  const keep = async (wanted: CallerTags): Promise<void> => {
    if (wanted !== newest) return
    try {
      await ledger.keepTags(wanted)
    } catch (error) {
      log.warn("the tags of callers wait for the usage database", { error })
      timer?.close()
      timer = clock.after(AGAIN_MS, () => begin(wanted))
      timer.unref()
    }
  }
  const begin = (wanted: CallerTags): void => {
    last = last.then(() => keep(wanted))
  }
  const follow = (next: CallerTags): void => {
    newest = next
    begin(next)
  }
  follow(tags)
  return {
    follow,
    close: () => {
      newest = null
      timer?.close()
    },
  }
}
