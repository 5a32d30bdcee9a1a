/** Where checks are asked: the upstream of a target, or a router whose group leads to it. */
import { defaultFacts, type TargetFacts } from "../canonical/target.ts"
import type { Target } from "../config/snapshot.ts"
import type { DialectName } from "../dialects/name.ts"
import { WIRES } from "../dialects/wires.ts"

/** A router that serves one group by one target. */
export interface RouterDoor {
  readonly url: string
  readonly token: string
  readonly group: string
}

/** The door as a target: requests for it are written and sent as those for an upstream, by a client of that dialect. */
export function behindDoor(target: Target, { url, token, group }: RouterDoor, dialect: DialectName): Target {
  const [path = ""] = WIRES[dialect].paths
  const at = new URL(url.replace(/\/+$/u, "") + path)
  const isSecure = at.protocol === "https:"
  return {
    ...target,
    ...(dialect === target.dialect ? {} : factsOfClient(target, dialect)),
    dialect,
    url: at.href,
    origin: {
      key: at.origin,
      hostname: at.hostname.replace(/^\[|\]$/g, ""),
      port: at.port === "" ? (isSecure ? 443 : 80) : Number(at.port),
      tls: isSecure ? {} : null,
    },
    proxy: null,
    headers: {
      "content-type": "application/json",
      "accept-encoding": "identity",
      authorization: `Bearer ${token}`,
    },
    model: group,
    // the router makes them
    edits: null,
    betas: null,
  }
}

/** A client that knows the model's limits, and else only its own dialect. */
function factsOfClient({ facts }: Target, dialect: DialectName): Pick<Target, "facts" | "homeFacts"> {
  const usual = defaultFacts({ dialect: WIRES[dialect].origin, label: null }, "")
  const known: TargetFacts = {
    ...usual,
    maxOutputTokens: facts.maxOutputTokens,
    minOutputTokens: Math.max(usual.minOutputTokens, facts.minOutputTokens),
    maxStopSequences: Math.min(usual.maxStopSequences, facts.maxStopSequences),
    forcedToolChoice: facts.forcedToolChoice,
    imageUrls: facts.imageUrls,
    reasoning: { ...usual.reasoning, alwaysOn: facts.reasoning.alwaysOn },
    customTools: true,
    strictTools: true,
  }
  return { facts: known, homeFacts: known }
}
