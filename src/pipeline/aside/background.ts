/**
 * Follows answers that are made in the background to their end, so that each is booked once, whether or not anybody reads it.
 * The list of them is the ledger's: a restart goes on with it, and of several processes one asks at a time.
 */
import type { Snapshot, Target } from "../../config/snapshot.ts"
import type { AnswerFacts } from "../../dialects/dialect.ts"
import { readBackground, type BackgroundState } from "../../dialects/responses/background.ts"
import { UNUSED, type Amounts } from "../../governance/state.ts"
import { FIRST_POLL_MS } from "../../ledger/background.ts"
import type { LedgerStore } from "../../ledger/open.ts"
import type { BackgroundRow, CallRecord } from "../../ledger/record.ts"
import { storedIdHash } from "../../ledger/stored-state.ts"
import type { Timer } from "../../system/clock.ts"
import { readWhole } from "../../upstream/answer.ts"
import type { BackgroundAnswers, Gateway } from "../gateway.ts"
import { isLargeAnswer } from "../apart/large.ts"
import { bookOutside, holdOutside } from "../limits/close-lease.ts"
import { exchange, isRefused, TimeLimit } from "../targets/exchange.ts"
import { targetAt } from "../targets/held-state.ts"
import { bookingRecord } from "./background-record.ts"

/** What is not over by then is booked at what was reserved. */
export const GIVE_UP_MS = 86_400_000
/** Targets that are asked at the same time. */
const MOST_AT_ONCE = 8
const ASK_WITHIN_MS = 30_000
const LEAST_PAUSE_MS = 250
/** How often the list is looked at for what other processes have left. */
const IDLE_MS = 30_000
/** Whoever made the call is gone when its answer is so long due. */
const ABANDONED_MS = 60_000
const MOST_OWN = 10_000
/** The provider has no such response, or never tells. */
const GONE: ReadonlySet<number> = new Set([404, 405, 410])

/** `unknown`: another time may tell. `gone`: nobody ever will. Else what it has used; null: that it has used nothing. */
type Word = "unknown" | "gone" | AnswerFacts

export class BackgroundFollower implements BackgroundAnswers {
  readonly #ledger: LedgerStore
  /** Other processes may use the ledger that count limits for themselves: each corrects what it has counted. */
  readonly #countsApart: boolean
  /** Calls of this process, oldest first. */
  readonly #own = new Set<string>()
  #startedAt = 0
  #gateway: Gateway | null = null
  #timer: Timer | null = null
  #dueAt = Number.POSITIVE_INFINITY
  #round: Promise<void> | null = null
  /** From the end of this round to the next. */
  #pauseMs = IDLE_MS
  /** Rounds in a row. */
  #failures = 0
  readonly #asking = new Set<TimeLimit>()

  constructor(ledger: LedgerStore, countsApart: boolean) {
    this.#ledger = ledger
    this.#countsApart = countsApart
  }

  start(gateway: Gateway): void {
    this.#gateway = gateway
    this.#startedAt = gateway.clock.now()
    this.#wake(0)
  }

  begun(requestId: string): void {
    this.#wake(FIRST_POLL_MS)
    if (!this.#countsApart) return
    this.#own.add(requestId)
    const [oldest] = this.#own
    if (this.#own.size > MOST_OWN && oldest !== undefined) this.#own.delete(oldest)
  }

  async heard(requestId: string, told: AnswerFacts | Uint8Array): Promise<void> {
    await this.#quietly(requestId, async (answer) => {
      if (!this.#isMine(answer)) return
      await this.#take(answer, told instanceof Uint8Array ? await this.#wordIn(told, answer) : told)
    })
  }

  async ask(requestId: string): Promise<void> {
    await this.#quietly(requestId, (answer) => this.#follow(answer))
  }

  async gone(requestId: string): Promise<void> {
    await this.#quietly(requestId, (answer) => this.#take(answer, "gone"))
  }

  /** Nobody calls any more. Resolves when nothing is on its way. */
  async close(): Promise<void> {
    this.#gateway = null
    this.#timer?.close()
    for (const limit of this.#asking) limit.cancel()
    await this.#round
  }

  #wake(inMs: number): void {
    const gateway = this.#gateway
    if (gateway === null) return
    // looked at once the round is over
    this.#pauseMs = Math.min(this.#pauseMs, inMs)
    if (this.#round !== null) return
    const at = gateway.clock.monotonicMs() + inMs
    if (at >= this.#dueAt) return
    this.#timer?.close()
    this.#dueAt = at
    this.#timer = gateway.clock.after(inMs, () => {
      this.#round = this.#look(gateway).finally(() => (this.#round = null))
      void this.#round.then(() => this.#wake(this.#pauseMs))
    })
    this.#timer.unref()
  }

  /** One round. Never rejects. */
  async #look(gateway: Gateway): Promise<void> {
    this.#dueAt = Number.POSITIVE_INFINITY
    this.#pauseMs = IDLE_MS
    try {
      const { background } = this.#ledger
      const due = (await background.due()).filter((answer) => this.#isMine(answer)).slice(0, MOST_AT_ONCE)
      const mine = due.length === 0 ? due : await background.claim(due.map(({ request_id: id }) => id))
      await Promise.all(mine.map((answer) => this.#quietly(answer.request_id, () => this.#follow(answer), answer)))
      const next = await background.nextDue()
      const leastMs = mine.length === MOST_AT_ONCE ? 0 : LEAST_PAUSE_MS
      if (next !== null) this.#pauseMs = Math.min(this.#pauseMs, Math.max(leastMs, next - gateway.clock.now()))
      this.#failures = 0
    } catch (error) {
      // a lock passes
      if (this.#failures === 0) this.#pauseMs = FIRST_POLL_MS
      if (this.#failures === 1)
        gateway.log.warn("answers in the background cannot be followed at the moment", { error })
      this.#failures += 1
    }
  }

  /** May this process ask, and book? */
  #isMine(answer: BackgroundRow): boolean {
    if (!this.#countsApart || this.#own.has(answer.request_id)) return true
    return answer.next_poll_at + ABANDONED_MS <= (this.#gateway?.clock.now() ?? 0)
  }

  async #quietly(
    requestId: string,
    work: (answer: BackgroundRow) => Promise<void>,
    known: BackgroundRow | null = null,
  ): Promise<void> {
    try {
      const answer = known ?? (await this.#ledger.background.find(requestId))
      if (answer !== null) await work(answer)
    } catch (error) {
      this.#gateway?.log.warn("an answer in the background is not booked yet", { request_id: requestId, error })
    }
  }

  async #follow(answer: BackgroundRow): Promise<void> {
    const gateway = this.#gateway
    if (gateway === null) return
    const target = holderOf(answer, gateway.snapshot)
    await this.#take(answer, target === null ? "unknown" : await this.#ask(answer, target, gateway))
  }

  async #ask(answer: BackgroundRow, target: Target, { upstream, clock, snapshot }: Gateway): Promise<Word> {
    const { maxResponseBytes: maxBytes } = snapshot.limits
    const url = new URL(target.url)
    url.pathname += `/${answer.response_id}`
    const request = { method: "GET", target: { ...target, url: url.href }, beta: false, headers: {}, body: [] }
    const limit = new TimeLimit(ASK_WITHIN_MS, clock)
    this.#asking.add(limit)
    try {
      const told = await exchange(request, limit, { upstream, maxBytes }, (reply) => readWhole(reply, maxBytes))
      if (told instanceof Uint8Array) return await this.#wordIn(told, answer)
      return isRefused(told) && GONE.has(told.status) ? "gone" : "unknown"
    } catch {
      return "unknown"
    } finally {
      this.#asking.delete(limit)
    }
  }

  /** Rejects as `Apart` says. */
  async #wordIn(bytes: Uint8Array, { caller_id: owner }: BackgroundRow): Promise<Word> {
    const gateway = this.#gateway
    if (gateway === null) return "unknown"
    if (!isLargeAnswer(bytes.length)) return wordOf(readBackground(bytes))
    return wordOf(await gateway.apart.run("readBackground", owner, [bytes], undefined))
  }

  async #take(answer: BackgroundRow, word: Word): Promise<void> {
    const gateway = this.#gateway
    if (gateway === null) return
    if (word !== "unknown") return this.#book(answer, word === "gone" ? null : word, gateway)
    if (gateway.clock.now() - answer.ts >= GIVE_UP_MS) await this.#book(answer, null, gateway)
  }

  /** Whoever writes the row corrects the limits: nobody else does, nor does it again. */
  async #book(answer: BackgroundRow, told: AnswerFacts | null, gateway: Gateway): Promise<void> {
    const holder = holderOf(answer, gateway.snapshot)
    // another model has other prices
    const target = holder?.model === answer.model ? holder : null
    const record = bookingRecord({ answer, told, target }, gateway, gateway.clock.now())
    const { usage } = record
    const isNew = await this.#ledger.alone(() => this.#write(answer, record, gateway))
    this.#own.delete(answer.request_id)
    if (!isNew) return
    gateway.metrics.countLater(usage, target)
    gateway.requestLog.write(record)
    // that the row exists is known by its id; this only spares a look
    const hash = storedIdHash(answer.caller_project, "response", answer.response_id)
    await gateway.storedStates.booked(hash).catch(() => {})
  }

  /** Writes the row that books, and corrects the limits. False: another process has written it. */
  async #write(answer: BackgroundRow, record: CallRecord, gateway: Gateway): Promise<boolean> {
    const { request_id: id, limit_tokens: tokens, limit_nano_usd: nanoUsd } = record.usage
    const outside = { callerId: answer.caller_id, project: answer.caller_project, ts: answer.ts }
    const lease = await holdOutside(outside, id, gateway)
    let amounts: Amounts = UNUSED
    try {
      if (!(await this.#ledger.recordNow(record))) return false
      amounts = { requests: 0, tokens: tokens ?? 0, nanoUsd: nanoUsd ?? 0 }
      // what another process has counted is not in the counts here
      const isCounted = !this.#countsApart || this.#own.has(answer.request_id) || answer.ts < this.#startedAt
      if (lease === null && isCounted) bookOutside(outside, amounts, gateway)
      return true
    } finally {
      if (lease !== null) gateway.governance.state.settle(lease, amounts, gateway.clock.monotonicMs())
    }
  }
}

/** What the provider says of a response. */
function wordOf(state: BackgroundState | null): Word {
  if (state === null) return "unknown"
  const { facts, isOver, isFailed } = state
  if (facts.usage !== null || isFailed) return facts
  return isOver ? "gone" : "unknown"
}

/** The target that made it, else another one behind the same key. */
function holderOf(answer: BackgroundRow, { groups }: Snapshot): Target | null {
  const place = { ...answer, expires_at: 0, usage_pending: 1 as const }
  const group = groups.get(answer.resolved_group)
  const own = group === undefined ? null : targetAt(group, place)
  if (own !== null) return own
  for (const other of groups.values()) {
    const found = targetAt(other, place)
    if (found !== null) return found
  }
  return null
}
