/** The running router for a call that nobody makes: it sees what a call would see, and nothing notices. */
import type { LiveView } from "../../routing/live-view.ts"
import type { Strategies } from "../../routing/strategy.ts"
import type { Gateway } from "../gateway.ts"
import { Shadows } from "./shadow.ts"

/** What no step of a dry run asks; should one, it says so. */
export function failAbsent(what: string): never {
  const refuse = (): never => {
    throw new Error(`a dry run knows nothing of ${what}`)
  }
  return new Proxy({}, { get: refuse }) as never
}

/** What calls leave behind, left out. */
export const WITHOUT_TRACE: Pick<Gateway, "requestLog" | "metrics" | "telemetry" | "feedback" | "security"> = {
  requestLog: { write: () => {} },
  metrics: { count: () => {}, countLater: () => {} },
  telemetry: { ended: () => {} },
  feedback: { report: () => {} },
  security: { note: () => false },
}

export const NO_EVIDENCE: Pick<Gateway["activation"], "heard" | "observed"> = { heard: () => {}, observed: () => {} }

/** @param policies scripts and services that may be asked without a live call noticing */
export function rehearsalOf(gateway: Gateway, policies: Pick<Strategies, "script" | "external">): Gateway {
  const { ledger, storedStates, pins } = gateway
  return {
    ...gateway,
    ...WITHOUT_TRACE,
    governance: failAbsent("limits"),
    background: failAbsent("answers in the background"),
    upstream: failAbsent("upstreams"),
    ledger: {
      record: () => Promise.reject(new Error("nothing is recorded")),
      accepting: () => ledger.accepting(),
      close: () => Promise.resolve(),
    },
    storedStates: {
      find: (hashes) => storedStates.find(hashes),
      remember: () => {},
      booked: () => Promise.resolve(),
      forget: () => Promise.resolve(),
    },
    pins: {
      get: (query) => pins.peek(query),
      peek: (query) => pins.peek(query),
      set: () => {},
      close: () => {},
    },
    strategies: { ...gateway.strategies, ...policies },
    live: onlyLookedAt(gateway.live),
    activation: { ...NO_EVIDENCE, against: (...asked) => gateway.activation.against(...asked) },
    // waits in a queue of its own, and follows no leader of the live one
    shadows: new Shadows(),
  }
}

function onlyLookedAt(live: LiveView): Gateway["live"] {
  return {
    figures: (target, now) => live.figures(target, now),
    attemptsBegun: (target) => live.attemptsBegun(target),
    inFlight: (target) => live.inFlight(target),
    engineLoad: (target, now) => live.engineLoad(target, now),
    leader: (group, lane) => live.leader(group, lane),
    begin: () => {},
    answered: () => {},
    failed: () => {},
    dropped: () => {},
    engineRead: () => {},
    follow: () => {},
    keep: () => {},
  }
}
