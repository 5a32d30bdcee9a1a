/**
 * What processes on one shared state do together about providers: they share out rates and bursts, and tell one another
 * of pauses and breakers. Everything happens in beats beside the calls: no call ever waits for it.
 *
 * Each process has a part of each scope, and all parts together are never more than the whole: the store notes what a
 * process may still be using, and gives only what is free. A quarter is divided equally, so that a call always finds
 * something; the rest follows what is asked for, where that is more than a few calls. While the store is away everybody goes on with the part it has.
 */
import type { Clock, Timer } from "../system/clock.ts"
import type { Log } from "../system/log.ts"
import beatScript from "./beat.lua" with { type: "text" }
import type { Health } from "./health.ts"
import { fieldOf, newsFrom, wordsOf, type News } from "./news.ts"
import type { Scope } from "./shaping.ts"

export const BEAT: string = beatScript

/** The connection to a Redis or Valkey. */
export interface PeerLink {
  readonly isUp: boolean
  /** Runs `BEAT`. `words`: the number of keys, the keys, the arguments. Rejects while the store is away. */
  beat(words: readonly string[]): Promise<unknown>
  close(): void
}

export interface PeersOptions {
  readonly link: PeerLink
  readonly health: Health
  readonly clock: Clock
  readonly log: Log
  /** A text that no other process draws. */
  readonly id: string
  /** How many processes there are at least. */
  readonly processes: number
}

/** News come so late at most. */
const BEAT_MS = 100
/** A process that is silent for longer is gone. */
const LIFE_MS = 3000
/** A part follows what is asked for so fast. */
const ASK_EACH_MS = 500
const DEMAND_FADES_MS = 5000
const SCOPES_PER_BEAT = 64
/** A start waits no longer for its first parts. */
const FIRST_PARTS_WITHIN_MS = 500
/** All keys in one slot. */
const PREFIX = "{smart-router}:"

/** What this process asks of a scope. */
interface Claim {
  askedSoFar: number
  demand: number
  at: number
  /** It has given something up, which is not noted yet, or wants more than was free. */
  isUrgent: boolean
  isNew: boolean
}

type BeatAnswer = readonly [
  now: string,
  processes: number,
  store: string,
  last: string,
  heard: readonly string[],
  parts: readonly (string | number)[],
]

export class Peers {
  readonly #options: PeersOptions
  readonly #claims = new WeakMap<Scope, Claim>()
  /** Names of scopes that the store may have a note of. */
  readonly #noted = new Set<string>()
  /** By field; not yet told. */
  #untold = new Map<string, News>()
  #lastHeard = "0"
  #store = ""
  #processes: number
  #timer: Timer | null = null
  #beating: Promise<void> | null = null
  #isComplaining = false

  constructor(options: PeersOptions) {
    this.#options = options
    this.#processes = options.processes
  }

  /** Resolves when this process has its parts; where the store cannot be reached, with a guess. */
  async open(): Promise<void> {
    const { health, clock, link } = this.#options
    const now = clock.monotonicMs()
    health.tell = (news) => this.#tell(news)
    if (link.isUp) for (const scope of health.scopesWithBuckets()) scope.allot(0, false, now)
    while (link.isUp && clock.monotonicMs() - now < FIRST_PARTS_WITHIN_MS) {
      await this.#beat()
      if (this.#hasParts()) break
      await clock.sleep(FIRST_BEATS_MS)
    }
    health.firstPart = 1 / this.#processes
    for (const scope of health.scopesWithBuckets())
      if (this.#claimOf(scope).isNew) scope.allot(health.firstPart, true, clock.monotonicMs())
    this.#timer = clock.every(BEAT_MS, () => void this.#beat())
    this.#timer.unref()
  }

  /** The others get what this process had. */
  async close(): Promise<void> {
    const { link, health } = this.#options
    health.tell = null
    this.#timer?.close()
    await this.#beating
    if (link.isUp) await link.beat(this.#words(0, [], [], [])).catch(() => {})
    link.close()
  }

  #hasParts(): boolean {
    for (const scope of this.#options.health.scopesWithBuckets()) if (this.#claimOf(scope).isUrgent) return false
    return true
  }

  #tell(news: News): void {
    this.#untold.set(fieldOf(news), news)
  }

  /** One at a time. Never rejects. */
  #beat(): Promise<void> {
    this.#beating ??= this.#beatOnce().finally(() => {
      this.#beating = null
    })
    return this.#beating
  }

  async #beatOnce(): Promise<void> {
    const { link, health, clock, log } = this.#options
    if (!link.isUp) return
    const now = clock.monotonicMs()
    const scopes = this.#due(now)
    const gone = this.#gone()
    for (const { name } of scopes) this.#noted.add(name)
    const told = this.#untold
    this.#untold = new Map()
    try {
      const answer = await link.beat(this.#words(LIFE_MS, [...told.values()], scopes, gone))
      for (const name of gone) this.#noted.delete(name)
      this.#take(answer as BeatAnswer, scopes)
      this.#isComplaining = false
    } catch (error) {
      // an outage is told by the link
      if (link.isUp && !this.#isComplaining) log.error("the shared capacity does not take a beat", { cause: error })
      this.#isComplaining ||= link.isUp
      // told with the next beat, but for what is newer
      this.#untold = new Map([...told, ...this.#untold])
      for (const scope of scopes) this.#claimOf(scope).isUrgent = true
    }
    health.firstPart = 1 / this.#processes
  }

  /** The scopes that this beat asks about: what is urgent, and what was not asked about for a while. */
  #due(now: number): readonly Scope[] {
    const due: Scope[] = []
    for (const scope of this.#options.health.scopesWithBuckets()) {
      const claim = this.#claimOf(scope)
      if (!claim.isUrgent && now - claim.at < ASK_EACH_MS) continue
      due.push(scope)
    }
    if (due.length > SCOPES_PER_BEAT) {
      due.sort((left, right) => this.#claimOf(left).at - this.#claimOf(right).at)
      due.length = SCOPES_PER_BEAT
    }
    for (const scope of due) countDemand(this.#claimOf(scope), scope, now)
    return due
  }

  /** What a reload has taken away: the others get this process' part of it. */
  #gone(): readonly string[] {
    const gone = new Set(this.#noted)
    for (const { name } of this.#options.health.scopesWithBuckets()) gone.delete(name)
    return [...gone].slice(0, SCOPES_PER_BEAT)
  }

  #words(lifeMs: number, told: readonly News[], scopes: readonly Scope[], gone: readonly string[]): readonly string[] {
    const { id, clock } = this.#options
    const now = clock.monotonicMs()
    const names = [...scopes.map(({ name }) => name), ...gone]
    const keys = [`${PREFIX}peers`, `${PREFIX}news`, ...names.map((name) => `${PREFIX}part:${name}`)]
    const news = JSON.stringify(told.map((one) => wordsOf(one, now)))
    const claims = scopes.flatMap((scope) => [String(scope.part), String(this.#claimOf(scope).demand)])
    claims.push(...gone.flatMap(() => ["", ""]))
    return [String(keys.length), ...keys, id, String(lifeMs), this.#lastHeard, this.#store, news, ...claims]
  }

  #take([storeNow, processes, store, last, heard, parts]: BeatAnswer, scopes: readonly Scope[]): void {
    const { health, clock, log } = this.#options
    const now = clock.monotonicMs()
    for (let at = 0; at + 1 < heard.length; at += 2) {
      const news = newsFrom(heard[at] ?? "", heard[at + 1] ?? "", Number(storeNow), now)
      if (news !== null) health.hear(news, now)
    }
    // a store that has lost what it was told, all of it or the last words, is told again
    const hasLost = this.#store !== "" && (store !== this.#store || Number(last) < Number(this.#lastHeard))
    if (hasLost) for (const news of health.news()) this.#tell(news)
    this.#lastHeard = last
    this.#store = store
    scopes.forEach((scope, index) => {
      const [part = 0, fair = 0, isAlone = 0] = parts.slice(3 * index, 3 * index + 3).map(Number)
      const claim = this.#claimOf(scope)
      claim.isUrgent = part < scope.part || part < fair - ENOUGH
      scope.allot(part, isAlone === 1 && claim.isNew && scope.part === 0, now)
      claim.isNew = false
    })
    if (processes === this.#processes) return
    this.#processes = processes
    log.info("the capacity of providers is shared between processes", { processes })
    for (const scope of health.scopesWithBuckets()) this.#claimOf(scope).isUrgent = true
  }

  #claimOf(scope: Scope): Claim {
    const known = this.#claims.get(scope)
    if (known !== undefined) return known
    const fresh = { askedSoFar: scope.asked, demand: 0, at: -Infinity, isUrgent: true, isNew: true }
    this.#claims.set(scope, fresh)
    return fresh
  }
}

const FIRST_BEATS_MS = 20
/** So near to what it should be is there. */
const ENOUGH = 1e-3
/** Less is nothing. */
const LEAST_DEMAND = 1e-3

/** A call counts less the longer it is ago. */
function countDemand(claim: Claim, { asked }: Scope, now: number): void {
  const faded = claim.demand * Math.exp((claim.at - now) / DEMAND_FADES_MS) + asked - claim.askedSoFar
  claim.demand = faded < LEAST_DEMAND ? 0 : faded
  claim.askedSoFar = asked
  claim.at = now
}
