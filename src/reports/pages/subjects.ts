/** What several pages ask about: which dimensions a reader may choose, and which calls count. */
import type { Dimension, Filter } from "../query.ts"

export const ANY: readonly Dimension[] = [
  "project",
  "model",
  "provider",
  "group",
  "caller",
  "user",
  "environment",
  "client",
  "token",
  "requested_model",
  "client_dialect",
  "status",
  "error",
  "cache",
  "stream",
]
/** Calls that a target was found for. */
export const SENT: readonly Filter[] = [{ dimension: "provider", not: [""] }]
export const FAILED: readonly Filter[] = [{ dimension: "error", not: [""] }]
