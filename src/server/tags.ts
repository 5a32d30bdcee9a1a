/** Writes down which tags callers have, whenever a configuration comes into force: `caller_tags`. */
import type { Config } from "../config/config.ts"
import type { LedgerStore } from "../ledger/open.ts"
import type { Clock, Timer } from "../system/clock.ts"
import type { Log } from "../system/log.ts"

export interface TagKeeper {
  /** Beside the calls. Tried again while the usage database takes no rows. */
  follow(config: Config): void
  close(): void
}

const AGAIN_MS = 5000

export function tagKeeper(config: Config, ledger: Pick<LedgerStore, "keepTags">, clock: Clock, log: Log): TagKeeper {
  let newest: Config | null = null
  let timer: Timer | null = null
  let last: Promise<void> = Promise.resolve()
  const keep = async (wanted: Config): Promise<void> => {
    if (wanted !== newest) return
    try {
      await ledger.keepTags(new Map(wanted.callers.map(({ id, tags }) => [id, tags])))
    } catch (error) {
      log.warn("the tags of callers wait for the usage database", { error })
      timer?.close()
      timer = clock.after(AGAIN_MS, () => begin(wanted))
      timer.unref()
    }
  }
  const begin = (wanted: Config): void => {
    last = last.then(() => keep(wanted))
  }
  const follow = (next: Config): void => {
    newest = next
    begin(next)
  }
  follow(config)
  return {
    follow,
    close: () => {
      newest = null
      timer?.close()
    },
  }
}
