/** Open endpoints: is the process alive, can it take calls, and which build is it? */
import type { Gateway } from "../pipeline/gateway.ts"
import { buildInfo } from "../system/build-info.ts"

export function health(): Response {
  return Response.json({ status: "ok", ...buildInfo })
}

/** 503 names the part that is not usable, without detail. */
export function ready(gateway: Gateway): Response {
  const parts = [...(gateway.draining ? ["draining"] : []), ...(gateway.ledger.accepting() ? [] : ["usage_db"])]
  if (parts.length === 0) return Response.json({ status: "ready" })
  return Response.json({ status: "not-ready", error: "not-ready", parts }, { status: 503 })
}

export function version(): Response {
  return Response.json(buildInfo)
}
