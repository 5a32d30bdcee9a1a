/**
 * The connection to the store: scripts go out pipelined, answers come back in order, and nothing waits longer than the
 * time limit. While the store is down every command fails at once, and the link tries to come back by itself.
 */
import { RedisClient } from "bun"
import type { Clock, Timer } from "../../system/clock.ts"
import type { Log } from "../../system/log.ts"
import { PROBE, type Script } from "./scripts.ts"

/** Where the store is. */
export interface StoreAddress {
  /** `redis://` or `rediss://`, with user, password and database number. */
  readonly url: string
  /** In PEM: whom to believe in place of the system's authorities, and who this process is. */
  readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string } | undefined
}

export interface LinkOptions extends StoreAddress {
  readonly clock: Clock
  readonly log: Log
  readonly limits?: Partial<LinkLimits> | undefined
  /** For the log: what cannot be reached during an outage. */
  readonly name: string
  /** What `run` will be asked for. */
  readonly scripts: readonly Script[]
  /** The store answers, again or for the first time. */
  readonly onUp: () => void
}

export interface LinkLimits {
  readonly connectMs: number
  /** The longest that a command waits for its answer. */
  readonly commandMs: number
  /** Between attempts to come back: at first, and at the slowest. */
  readonly firstRetryMs: number
  readonly slowestRetryMs: number
}

/** `unsent`: the store never saw the command. `unknown`: it may have run it. `refused`: it said no. */
export class StoreUnavailable extends Error {
  readonly fate: "unsent" | "unknown" | "refused"

  constructor(fate: StoreUnavailable["fate"], cause: unknown) {
    super("the shared state cannot be reached", { cause })
    this.name = "StoreUnavailable"
    this.fate = fate
  }
}

const LIMITS: LinkLimits = { connectMs: 1000, commandMs: 500, firstRetryMs: 100, slowestRetryMs: 500 }
const SWEEP_MS = 25
const PROBE_KEY = "{smart-router}:probe"
/** The store is there, but is not what it should be: a replica, loading, full. A new connection may reach a better one. */
const UNFIT =
  /^(?:-?)(LOADING|READONLY|MASTERDOWN|CLUSTERDOWN|MOVED|NOAUTH|WRONGPASS|NOPERM|OOM|MISCONF|BUSY|NOREPLICAS)\b/

export class StoreLink {
  readonly #options: LinkOptions
  readonly #limits: LinkLimits
  #client: RedisClient | null = null
  /** When the commands that wait for an answer were sent, oldest first; the first `#answered` have theirs. */
  #sentAt: number[] = []
  #answered = 0
  #isLate = false
  #retryMs: number
  #retry: Timer | null = null
  #sweep: Timer | null = null
  #isClosed = false
  /** The store takes no names of scripts. */
  #sendsTexts = false
  #isComplaining = false

  constructor(options: LinkOptions) {
    this.#options = options
    this.#limits = { ...LIMITS, ...options.limits }
    this.#retryMs = this.#limits.firstRetryMs
  }

  get isUp(): boolean {
    return this.#client !== null
  }

  /** Resolves when the first attempt to connect has ended, well or not. */
  async open(): Promise<void> {
    this.#sweep = this.#options.clock.every(SWEEP_MS, () => this.#look())
    this.#sweep.unref()
    await this.#connect()
  }

  /** A plain command. Rejects with `StoreUnavailable`. */
  ask(command: string, words: readonly string[]): Promise<unknown> {
    return this.#send(command, [...words])
  }

  /** Rejects with `StoreUnavailable`. `words`: the number of keys, the keys, the arguments. */
  async run(script: Script, words: readonly string[]): Promise<unknown> {
    try {
      if (!this.#sendsTexts) return await this.#send("EVALSHA", [script.sha1, ...words])
    } catch (error) {
      if (!(error instanceof StoreUnavailable) || !isUnknownScript(error.cause)) throw error
    }
    return await this.#send("EVAL", [script.text, ...words])
  }

  close(): void {
    this.#isClosed = true
    this.#retry?.close()
    this.#sweep?.close()
    const client = this.#client
    this.#client = null
    client?.close()
  }

  async #send(command: string, words: string[]): Promise<unknown> {
    const client = this.#client
    if (client === null) throw new StoreUnavailable("unsent", null)
    this.#sentAt.push(this.#options.clock.monotonicMs())
    try {
      const answer: unknown = await client.send(command, words)
      this.#wasAnswered(client)
      return answer
    } catch (cause) {
      const isAnswer = isServerError(cause)
      if (isAnswer) this.#wasAnswered(client)
      if (!isAnswer || UNFIT.test(messageOf(cause))) this.#drop(client, cause)
      throw new StoreUnavailable(isAnswer ? "refused" : "unknown", cause)
    }
  }

  #wasAnswered(client: RedisClient): void {
    if (client !== this.#client) return
    this.#answered += 1
    this.#isLate = false
    if (this.#answered === this.#sentAt.length) this.#sentAt = []
    else if (this.#answered < COMPACT_ABOVE) return
    else this.#sentAt = this.#sentAt.slice(this.#answered)
    this.#answered = 0
  }

  /** The oldest command has waited too long, and is still unanswered at the next look: this process may have been the slow one. */
  #look(): void {
    const oldest = this.#sentAt[this.#answered]
    const client = this.#client
    if (client === null || oldest === undefined) return
    if (this.#options.clock.monotonicMs() - oldest < this.#limits.commandMs) return
    if (this.#isLate) this.#drop(client, new Error(`no answer in ${this.#limits.commandMs} ms`))
    else this.#isLate = true
  }

  /** Everything that waits is rejected by the client. */
  #drop(client: RedisClient, cause: unknown): void {
    if (client !== this.#client) return
    this.#client = null
    this.#sentAt = []
    this.#answered = 0
    this.#isLate = false
    client.close()
    this.#complain(cause)
    this.#connectLater()
  }

  #connectLater(): void {
    if (this.#isClosed) return
    this.#retry = this.#options.clock.after(this.#retryMs, () => void this.#connect())
    this.#retry.unref()
    this.#retryMs = Math.min(this.#retryMs * 2, this.#limits.slowestRetryMs)
  }

  async #connect(): Promise<void> {
    const { url, tls, clock, log, name, scripts, onUp } = this.#options
    const { connectMs } = this.#limits
    const client = new RedisClient(url, {
      connectionTimeout: connectMs,
      autoReconnect: false,
      enableOfflineQueue: false,
      maxRetries: 0,
      // said, because the environment could say otherwise (NODE_TLS_REJECT_UNAUTHORIZED)
      ...(isSecure(url) ? { tls: { ...tls, rejectUnauthorized: true } } : {}),
    })
    // a connection is made in real time, as the client's own deadline says
    // oxlint-disable-next-line no-restricted-globals
    const late = setTimeout(() => client.close(), connectMs)
    try {
      await client.connect()
      await client.send("EVAL", [PROBE.text, "1", PROBE_KEY, String(clock.now())])
      // known from now on: no command falls behind a later one because its script has to be sent first
      await Promise.all(scripts.map(({ text }) => client.send("EVAL", [text, "0"])))
      this.#sendsTexts = await takesNoNames(client)
    } catch (cause) {
      client.close()
      this.#complain(cause)
      this.#connectLater()
      return
    } finally {
      late.close()
    }
    if (this.#isClosed) {
      client.close()
      return
    }
    client.onclose = (cause) => this.#drop(client, cause)
    this.#client = client
    this.#retryMs = this.#limits.firstRetryMs
    if (this.#isComplaining) log.info(`${name} can be reached again`)
    this.#isComplaining = false
    onUp()
  }

  /** Once per outage. The client's messages hold no address. */
  #complain(cause: unknown): void {
    if (this.#isComplaining || this.#isClosed) return
    this.#isComplaining = true
    this.#options.log.error(`${this.#options.name} cannot be reached`, { cause: messageOf(cause) })
  }
}

const COMPACT_ABOVE = 1024

/** Some providers forbid EVALSHA, or give it another name. */
async function takesNoNames(client: RedisClient): Promise<boolean> {
  try {
    await client.send("EVALSHA", [PROBE.sha1, "0"])
    return false
  } catch (cause) {
    if (/^(NOPERM|ERR unknown command)/.test(messageOf(cause))) return true
    throw cause
  }
}

function isUnknownScript(cause: unknown): boolean {
  return messageOf(cause).startsWith("NOSCRIPT")
}

/** The store's own word, as opposed to the end of the connection. */
function isServerError(cause: unknown): boolean {
  return cause instanceof Error && "code" in cause && cause.code === "ERR_REDIS_SERVER_ERROR"
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause)
}

function isSecure(url: string): boolean {
  return /^(?:rediss|valkeys|redis\+tls)/.test(url)
}
