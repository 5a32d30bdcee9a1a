/** `GET /metrics`: what the router has counted, for Prometheus. */
import type { Admin } from "../admin/admin.ts"
import { RouterError } from "../errors.ts"
import { writeCallFamilies } from "../metrics/call-families.ts"
import { Exposition, type FamilyWriter } from "../metrics/exposition.ts"
import type { Metrics } from "../metrics/metrics.ts"
import { authenticate } from "../pipeline/authenticate.ts"
import { partyOf } from "../pipeline/intake/party.ts"
import type { Gateway } from "../pipeline/gateway.ts"
import type { Incoming, Outgoing } from "../pipeline/message.ts"
import { limitGauges, writeLimits } from "./limit-families.ts"
import type { WorkerNumber } from "./process-files.ts"
import { type WatchedParts, writeStateFamilies } from "./state-families.ts"
import { type Crew, writeCrew } from "./worker-pages.ts"

/** What is looked at when somebody asks. */
export interface Watched extends WatchedParts {
  readonly metrics: Metrics
  /** Each worker counts for itself, and says so in a label of every sample. */
  readonly worker: WorkerNumber
  /** The page of all workers; null: this is the only process. */
  readonly crew: Crew | null
}

const CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

/** @throws RouterError `unauthorized`, `metrics-forbidden`, and what else can be wrong with a token */
export async function metricsPage(
  request: Incoming,
  gateway: Gateway,
  watched: Watched,
  admin: Admin,
): Promise<Outgoing> {
  const credential = authenticate(request.headers, gateway.snapshot, gateway.clock.now())
  if (!admin.readsMetrics(credential.caller, gateway.snapshot))
    throw new RouterError("metrics-forbidden", { who: partyOf(credential) })
  const body = (await watched.crew?.page()) ?? (await metricsText(gateway, watched, watched.crew))
  return { status: 200, headers: { "content-type": CONTENT_TYPE }, body }
}

/** Of this process. `crew`: where its figures are to stand for all, because the others are not to be had. */
export async function metricsText(gateway: Gateway, watched: Watched, crew: Crew | null = null): Promise<string> {
  const out = new Exposition(watched.worker === null ? {} : { worker: String(watched.worker) })
  await writeFamilies(out, gateway, watched)
  if (watched.worker === null) writeCrew(out, { configured: 1, shown: 1, restarts: 0 })
  else if (crew !== null) writeCrew(out, { configured: crew.configured, shown: 1, restarts: 0 })
  return out.text()
}

/** All families of this process. */
export async function writeFamilies(out: FamilyWriter, gateway: Gateway, watched: Watched): Promise<void> {
  // workers count limits in one store: one of them tells
  const limits = (watched.worker ?? 1) === 1 ? await limitGauges(gateway) : []
  writeCallFamilies(out, watched.metrics, gateway.snapshot.metrics)
  writeStateFamilies(out, gateway, watched)
  await writeLimits(out, limits)
}
