/** `GET /metrics`: what this process has counted, for Prometheus. */
import type { Admin } from "../admin/admin.ts"
import { RouterError } from "../errors.ts"
import { writeCallFamilies } from "../metrics/call-families.ts"
import { Exposition } from "../metrics/exposition.ts"
import type { Metrics } from "../metrics/metrics.ts"
import { authenticate } from "../pipeline/authenticate.ts"
import { partyOf } from "../pipeline/intake/party.ts"
import type { Gateway } from "../pipeline/gateway.ts"
import type { Incoming, Outgoing } from "../pipeline/message.ts"
import type { WorkerNumber } from "./process-files.ts"
import { type WatchedParts, writeStateFamilies } from "./state-families.ts"

/** What is looked at when somebody asks. */
export interface Watched extends WatchedParts {
  readonly metrics: Metrics
  /** Each worker counts for itself, and says so in a label of every sample. */
  readonly worker: WorkerNumber
}

const CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

/** @throws RouterError `unauthorized`, `metrics-forbidden`, and what else can be wrong with a token */
export function metricsPage(request: Incoming, gateway: Gateway, watched: Watched, admin: Admin): Outgoing {
  const credential = authenticate(request.headers, gateway.snapshot, gateway.clock.now())
  if (!admin.readsMetrics(credential.caller, gateway.snapshot))
    throw new RouterError("metrics-forbidden", { who: partyOf(credential) })
  const out = new Exposition(watched.worker === null ? {} : { worker: String(watched.worker) })
  writeCallFamilies(out, watched.metrics)
  writeStateFamilies(out, gateway, watched)
  return { status: 200, headers: { "content-type": CONTENT_TYPE }, body: out.text() }
}
