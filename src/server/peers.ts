/** Where the processes of a shared state meet about providers. */
import type { Config } from "../config/config.ts"
import { StoreLink } from "../governance/redis/link.ts"
import { script } from "../governance/redis/scripts.ts"
import type { Clock } from "../system/clock.ts"
import type { Log } from "../system/log.ts"
import type { Random } from "../system/random.ts"
import type { Health } from "../upstream/health.ts"
import { BEAT, Peers } from "../upstream/peers.ts"
import { storeAddress } from "./store-address.ts"

const BEAT_SCRIPT = script(BEAT)
const ID_BYTES = 8

export interface PeersParts {
  readonly health: Health
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

/** Null: this process is the only one. A connection of its own: beats neither wait behind admissions nor hold them up. */
export async function openPeers({ server }: Config, { health, clock, random, log }: PeersParts): Promise<Peers | null> {
  const address = storeAddress(server.state)
  if (address === null) return null
  const scripts = [BEAT_SCRIPT]
  const link = new StoreLink({ ...address, clock, log, name: "the shared capacity", scripts, onUp: () => {} })
  await link.open()
  const beat = (words: readonly string[]): Promise<unknown> => link.run(BEAT_SCRIPT, words)
  const meeting = {
    get isUp() {
      return link.isUp
    },
    beat,
    close: () => link.close(),
  }
  const peers = new Peers({ link: meeting, health, clock, log, id: random.hex(ID_BYTES), processes: server.workers })
  await peers.open()
  return peers
}
