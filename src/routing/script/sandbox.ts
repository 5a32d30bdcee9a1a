/**
 * One script in its own engine. Calls are answered at once, or wait for what they fetch; while one waits others go on.
 * A sandbox that was stopped by force or ran out of memory is `ruined` and must not be used again.
 */
import type { QuickJSHandle } from "quickjs-emscripten-core"
import { MOST_SCRIPT_CHARS } from "../policy/call-text.ts"
import type { CallSource } from "./call-source.ts"
import { engineText } from "./engine-text.ts"
import { newEngine, Stopped } from "./engine.ts"
import { faultOf, ScriptFault } from "./fault.ts"
import { ASKED } from "./prelude.ts"
import { Realm } from "./realm.ts"
import { IDLE, type Running } from "./running.ts"
import { TimeLimit, type SandboxTime } from "./time-limit.ts"

export interface SandboxLimits {
  /** Computing time of one call, in milliseconds. */
  readonly deadlineMs: number
  readonly memoryBytes: number
  /** Waiting and computing of one call together. */
  readonly wallMs: number
}

/** How many fetches one call may make. */
const MOST_FETCHES = 8

export class Sandbox {
  ruined = false
  /** A text of the call that runs did not fit into its memory. */
  private isFull = false
  private readonly limits: SandboxLimits
  private readonly timers: SandboxTime["clock"]
  private readonly time: TimeLimit
  private readonly running = new Map<number, Running>()
  /** Fetches of calls that are over: what the engine keeps for their answers must go. */
  private unheard: number[] = []
  private realm!: Realm
  private lastCall = 0
  private lastFetch = 0

  private constructor(limits: SandboxLimits, { clock, clocks }: SandboxTime) {
    this.limits = limits
    this.timers = clock
    this.time = new TimeLimit(clocks)
  }

  /**
   * @param code body of a function with the parameters `expose` and `router`
   * @param statics what is the same for every call, as JSON
   * @throws ScriptFault, Error when the script has no function `route`
   */
  static async create(code: string, statics: string, limits: SandboxLimits, clocks: SandboxTime): Promise<Sandbox> {
    const sandbox = new Sandbox(limits, clocks)
    const engine = await newEngine(limits.memoryBytes, () => sandbox.time.tick())
    const host = (handles: readonly QuickJSHandle[]): QuickJSHandle => sandbox.serve(handles)
    const { time } = sandbox
    sandbox.realm = new Realm({ engine, memoryBytes: limits.memoryBytes, time, code, statics, host })
    sandbox.probe()
    return sandbox
  }

  /** The script's decision as JSON; what it is worth is judged elsewhere. @throws ScriptFault, also by rejection */
  call(source: CallSource): string | Promise<string> {
    const id = ++this.lastCall
    const call: Running = {
      source,
      settled: null,
      remainingMs: this.limits.deadlineMs,
      fetches: 0,
      open: new Set(),
      answer: null,
      timer: null,
    }
    this.running.set(id, call)
    let waits = false
    try {
      const answer = this.enter(call, () => {
        const given = this.realm.ask("start", source.json, source.places, id)
        // the jobs that it leaves behind are its own
        if (given !== "?") this.realm.runJobs()
        return given
      })
      if (answer !== "?") return understood(answer)
      call.remainingMs = this.time.leftMs()
      waits = true
    } finally {
      if (!waits) this.end(id, call)
    }
    const settled = Promise.withResolvers<string>()
    call.settled = settled
    call.timer = this.timers.after(this.limits.wallMs, () => this.fail(id, new ScriptFault("timeout")))
    this.goOn(id, call)
    return settled.promise
  }

  /** Calls that still wait fail, but for the one that knows better why. */
  dispose(culprit: Running | null = null): void {
    this.ruined = true
    for (const [id, call] of this.running) if (call !== culprit) this.fail(id, new ScriptFault("interrupted"))
  }

  get isIdle(): boolean {
    return this.running.size === 0
  }

  /** Not even a text that a fresh one would hold fits: its memory is full of what other calls hold, or left as garbage. */
  isCrowded(): boolean {
    const text = "x".repeat(Math.min(this.limits.memoryBytes * SURE_SHARE, MOST_SCRIPT_CHARS))
    try {
      return this.enter({ ...IDLE, remainingMs: LOAD_MS }, () => {
        const handle = engineText(this.realm.context, text)
        handle?.dispose()
        return handle === null
      })
    } catch {
      return true
    }
  }

  private probe(): void {
    const answer = this.enter({ ...IDLE, remainingMs: LOAD_MS }, () => {
      const given = this.realm.ask("probe")
      this.realm.runJobs()
      return given
    })
    if (answer === "?") throw new Error("it has no exported function `route`")
    understood(answer)
  }

  /** Runs a part of a call on its own budget. */
  private enter<T>(call: Running, work: () => T): T {
    this.isFull = false
    try {
      if (this.unheard.length > 0) this.forgetUnheard()
      this.time.begin(call.remainingMs)
      const result = work()
      // what does not fit is thrown in the script too, which may go on from there
      if (this.isFull) this.realm.runJobs()
      if (this.time.stopped) throw new Stopped()
      if (this.isFull) throw new ScriptFault("too-large")
      // an executor of a promise swallows its end: what came out afterwards does not count
      if (this.time.interrupted) throw new ScriptFault("deadline")
      return result
    } catch (error) {
      if (error instanceof ScriptFault && !this.time.stopped) {
        // what this call left in the queue would run in the next one, and on its time
        if (error.kind === "memory" || this.realm.hasJobs) this.ruined = true
        throw error
      }
      this.ruined = true
      // native recursion ends as the host's own overflow
      throw new ScriptFault(this.time.stopped ? "deadline" : error instanceof RangeError ? "stack" : "memory")
    } finally {
      this.time.end()
      if (this.ruined) this.dispose(call)
    }
  }

  /** On nobody's budget: what is freed belongs to calls that are over. */
  private forgetUnheard(): void {
    this.time.begin(LOAD_MS)
    for (const number of this.unheard.splice(0)) this.realm.ask("forget", number)
  }

  /** The script's microtasks; then the call is over, or waits for a fetch, or for nothing. */
  private goOn(id: number, call: Running): void {
    try {
      this.enter(call, () => this.realm.runJobs())
      call.remainingMs = this.time.leftMs()
      const { answer } = call
      if (answer !== null) this.finish(id, () => understood(answer))
      else if (call.open.size === 0) throw new ScriptFault("never-settles")
    } catch (error) {
      this.fail(id, error)
    }
  }

  /** The one function that a sandbox can call. */
  private serve(handles: readonly QuickJSHandle[]): QuickJSHandle {
    const { context } = this.realm
    // what is read here is always of one kind: the prelude alone calls, and a script cannot reach its way to call
    const number = (place: number): number => context.getNumber(handles[place] ?? context.undefined)
    const text = (place: number): string => context.getString(handles[place] ?? context.undefined)
    const what = number(0)
    const id = number(1)
    const call = this.running.get(id)
    if (call === undefined) return context.newString("not-in-a-call")
    if (what === ASKED.done) {
      // what was interrupted may still settle its promise, with words of its own
      if (!this.time.interrupted) call.answer = text(2)
      return context.undefined
    }
    if (what === ASKED.fetch) return this.beginFetch(id, call, text(2), text(3))
    return this.told(what, call.source)
  }

  /** What is too large for the engine is the prompt's doing, not the script's: nothing is ruined by it. */
  private said(read: () => string | null): QuickJSHandle {
    const handle = this.time.without(() => {
      const text = read()
      return text === null || text.length > this.limits.memoryBytes ? null : engineText(this.realm.context, text)
    })
    if (handle !== null) return handle
    this.isFull = true
    throw new Error("the text does not fit into the memory of the script")
  }

  /** A text that would not come over as it is goes as JSON: the engine's end with their first NUL and know no half pairs. */
  private told(what: number, source: CallSource): QuickJSHandle {
    if (what === ASKED.counts) return this.said(() => source.counts())
    if (what === ASKED.request) return this.said(() => source.body())
    if (what === ASKED.quotedText) return this.said(() => quoted(source.text()))
    const text = this.time.without(() => source.text())
    const isPlain = text === null || this.time.without(() => !text.includes("\0") && text.isWellFormed())
    return isPlain ? this.said(() => text) : this.realm.context.undefined
  }

  private beginFetch(id: number, call: Running, url: string, init: string): QuickJSHandle {
    const { fetch } = call.source
    if (fetch === null) return this.realm.context.newString("not-enabled")
    if (++call.fetches > MOST_FETCHES) return this.realm.context.newString("too-many")
    const number = ++this.lastFetch
    call.open.add(number)
    const answer = this.time.without(() => fetch(url, init))
    void this.whenFetched(id, call, number, answer)
    return this.realm.context.newNumber(number)
  }

  private async whenFetched(id: number, call: Running, number: number, answer: Promise<string>): Promise<void> {
    const json = await answer
    call.open.delete(number)
    if (this.running.get(id) !== call) return
    try {
      this.enter(call, () => this.realm.ask("resume", number, json))
      call.remainingMs = this.time.leftMs()
      this.goOn(id, call)
    } catch (error) {
      this.fail(id, error)
    }
  }

  private fail(id: number, error: unknown): void {
    this.finish(id, () => {
      throw error
    })
  }

  private end(id: number, call: Running): void {
    this.running.delete(id)
    this.unheard.push(...call.open)
    call.timer?.close()
  }

  private finish(id: number, answer: () => string): void {
    const call = this.running.get(id)
    if (call === undefined) return
    this.end(id, call)
    try {
      call.settled?.resolve(answer())
    } catch (error) {
      call.settled?.reject(error)
    }
  }
}

/** Of the memory; on its way in a text needs twice its size. */
const SURE_SHARE = 0.25
/** How long a script's module may take when it is tried at load. */
const LOAD_MS = 1000
function understood(answer: string): string {
  if (answer.startsWith("~")) throw faultOf(answer.slice(1))
  return answer.slice(1)
}

function quoted(text: string | null): string | null {
  return text === null ? null : JSON.stringify(text)
}
