import type { Dialect } from "../../src/canonical/origin.ts"
import type { Request } from "../../src/canonical/request.ts"
import { WIRES_BY_ORIGIN } from "../../src/dialects/wires.ts"

/** A request with nothing in it, to start from. */
export function emptyRequest(dialect: Dialect, model: string): Request {
  return {
    dialect,
    model,
    instructions: [],
    messages: [],
    tools: [],
    namespaces: [],
    stopSequences: [],
    sampling: {},
    identity: {},
    state: {},
    stream: false,
    includeUsage: !WIRES_BY_ORIGIN[dialect].asksForUsage,
    include: [],
    extra: {},
  }
}
