/** A running router in this process: most tests use this one. */
import { type RunningRouter, startRouter } from "../../src/server/start.ts"
import { silentLog, type Log } from "../../src/system/log.ts"
import type { Answer, CallOptions, Door } from "./client.ts"
import { call, open } from "./client.ts"
import type { Prepared, Setup } from "./config.ts"
import { prepare } from "./config.ts"
import type { HeldClock } from "./held-clock.ts"
import type { Records } from "./records.ts"
import { recordsIn } from "./records.ts"
import type { Dialect } from "./samples.ts"

export interface Gateway extends Door, AsyncDisposable {
  readonly prepared: Prepared
  readonly directory: string
  readonly records: Records
  call(dialect: Dialect, body: string | Uint8Array, options?: CallOptions): Promise<Answer>
  open(dialect: Dialect, body: string | Uint8Array, options?: CallOptions): Promise<Response>
  /** Stops the router and keeps its files until disposal; calls that are on their way after `withinMs` are cut. */
  stop(withinMs?: number): Promise<void>
}

export interface LocalGateway extends Gateway {
  /** As SIGHUP does. */
  requestReload(): void
  /** Calls that were not made here. */
  readonly takeIn: RunningRouter["takeIn"]
}

interface Means {
  readonly log?: Log | undefined
  /** By which the router lives; it passes by itself only for a start and a stop. */
  readonly clock?: HeldClock | undefined
}

/** Calls that a test left hanging are cut after this. */
const STOP_WITHIN_MS = 300

/** Starts on a fresh configuration, or again on one that was prepared before. */
export async function startGateway(
  from: Setup | Prepared,
  { log = silentLog, clock }: Means = {},
): Promise<LocalGateway> {
  const prepared = "configPath" in from ? from : prepare(from)
  const passing = <Result>(work: Promise<Result>): Promise<Result> => clock?.during(work) ?? work
  let requestReload = (): void => {}
  const starting = startRouter({
    configPath: prepared.configPath,
    env: prepared.env,
    listen: { hostname: "127.0.0.1", port: 0 },
    log,
    onReloadRequest: (listener) => {
      requestReload = listener
      return () => {}
    },
    ...(clock === undefined ? {} : { clock }),
  })
  const router = await passing(starting)
  const gateway = gatewayAt(router.url, prepared, (withinMs = STOP_WITHIN_MS) => passing(router.stop(withinMs)))
  return { ...gateway, requestReload: () => requestReload(), takeIn: (groups) => router.takeIn(groups) }
}

export function gatewayAt(url: string, prepared: Prepared, stopRouter: (withinMs?: number) => Promise<void>): Gateway {
  const door = { url: url.replace(/\/$/u, ""), token: prepared.token }
  let stopped: Promise<void> | undefined
  const stop = async (withinMs?: number): Promise<void> => {
    stopped ??= stopRouter(withinMs)
    await stopped
  }
  return {
    ...door,
    prepared,
    directory: prepared.directory,
    records: recordsIn(prepared.directory),
    call: (dialect, body, options) => call(door, dialect, body, options),
    open: (dialect, body, options) => open(door, dialect, body, options),
    stop,
    [Symbol.asyncDispose]: async () => {
      await stop()
      prepared.remove()
    },
  }
}
