/** What a far end can do wrong, and what each of it means: for the call, for the next target, and for what is remembered. */
import type { ErrorCode } from "../../src/error-catalogue.ts"
import type { FailureClass } from "../../src/upstream/failure.ts"
import { raw, reply, resetAtOnce, stall, stream, type Step } from "./behaviours.ts"
import type { Behaviour } from "./fake-upstream.ts"
import { ALL_SAMPLES, type Sample } from "./samples.ts"

export type Mode = "unary" | "stream"

export interface Fault {
  /** What the first target does; null: nothing listens there. */
  readonly behave: ((sample: Sample, mode: Mode) => Behaviour) | null
  /** The class of its attempt. */
  readonly class: Readonly<Record<Mode, FailureClass>>
  /** What the caller is told when nothing else may be tried. */
  readonly status: number
  readonly code: ErrorCode
  /** Could another target cure it? */
  readonly final?: true
  /** It is no fault of the provider: breakers do not count it. */
  readonly spared?: true
  /** Content was sent before it, in these modes. */
  readonly committed?: Mode
  readonly retryAfterS?: number
  readonly isSlow?: true
}

const both = (kind: FailureClass): Fault["class"] => ({ unary: kind, stream: kind })
const FAILED = { status: 502, code: "upstream-failed" } as const
const LATE = { class: both("timeout"), status: 504, code: "upstream-timeout", isSlow: true } as const
const FOREVER = { until: new Promise<void>(() => {}) }

function status(code: number, headers: Readonly<Record<string, string>> = {}) {
  return (sample: Sample): Behaviour => reply(sample.errorBody("no"), { status: code, headers })
}

function preamble(sample: Sample): string {
  return sample.frames().slice(0, sample.framesBeforeContent).join("")
}

function begun(sample: Sample, mode: Mode, rest: readonly Step[]): Behaviour {
  if (mode === "stream") return stream([preamble(sample), ...rest])
  const body = sample.unary()
  return raw([head(body.length, "application/json"), body.slice(0, 20), ...rest])
}

function head(length: number, type: string): string {
  return `HTTP/1.1 200 OK\r\nContent-Type: ${type}\r\nContent-Length: ${length}\r\n\r\n`
}

/** A body whose length is announced wrong by `more` bytes. */
function misjudged(sample: Sample, mode: Mode, more: number): Behaviour {
  const [body, type] =
    mode === "stream"
      ? [`${preamble(sample)}: and more\n\n`, "text/event-stream"]
      : [sample.unary(), "application/json"]
  return raw([head(body.length + more, type), body])
}

function foreign(sample: Sample, mode: Mode): Behaviour {
  const other = ALL_SAMPLES[(ALL_SAMPLES.indexOf(sample) + 1) % ALL_SAMPLES.length]!
  return mode === "stream" ? stream(other.frames()) : reply(other.unary())
}

export const FAULTS: Readonly<Record<string, Fault>> = {
  "refuses the connection": { behave: null, class: both("network"), ...FAILED },
  "resets before its head": { behave: () => resetAtOnce, class: both("network"), ...FAILED },
  "answers 500": { behave: status(500), class: both("server_error"), ...FAILED },
  "answers 429": {
    behave: status(429),
    class: both("rate_limited"),
    status: 503,
    code: "upstream-rate-limited",
    spared: true,
  },
  "answers 429 and when to come again": {
    behave: status(429, { "Retry-After": "7" }),
    class: both("rate_limited"),
    status: 503,
    code: "upstream-rate-limited",
    spared: true,
    retryAfterS: 7,
  },
  "answers 402": {
    behave: status(402),
    class: both("quota_exhausted"),
    status: 503,
    code: "upstream-quota-exhausted",
    spared: true,
  },
  "answers 401": { behave: status(401), class: both("access_denied"), status: 503, code: "upstream-access-denied" },
  "answers 400": {
    behave: status(400),
    class: both("bad_request"),
    status: 400,
    code: "invalid-request",
    final: true,
    spared: true,
  },
  "sends HTML with 200": {
    behave: () => reply("<html><body>Sign in</body></html>", { headers: { "Content-Type": "text/html" } }),
    class: both("malformed_answer"),
    ...FAILED,
  },
  "sends nothing with 200": {
    behave: () => reply(""),
    class: { unary: "malformed_answer", stream: "empty_stream" },
    ...FAILED,
  },
  "ends inside its JSON": {
    behave: (sample, mode) =>
      mode === "stream" ? stream([preamble(sample), 'data: {"cho']) : reply(sample.unary().slice(0, 40)),
    class: { unary: "malformed_answer", stream: "stream_broken" },
    ...FAILED,
  },
  "stalls before its head": { behave: () => stall, ...LATE },
  "stalls after its head": { behave: (sample, mode) => begun(sample, mode, [FOREVER]), ...LATE },
  "trickles for longer than an attempt may take": {
    behave: (sample, mode) =>
      begun(
        sample,
        mode,
        Array.from({ length: 1000 }, () => [{ waitMs: 10 }, mode === "stream" ? ": \n\n" : " "]).flat(),
      ),
    ...LATE,
  },
  "says that it failed before any content": {
    behave: (sample, mode) =>
      mode === "stream" ? stream([preamble(sample), sample.errorFrame]) : reply(sample.errorBody("overloaded")),
    class: both("server_error"),
    ...FAILED,
  },
  "breaks off after its first content": {
    behave: (sample, mode) =>
      mode === "stream"
        ? stream([...sample.frames().slice(0, sample.framesBeforeContent + 1), { end: "reset" }])
        : begun(sample, mode, [{ end: "reset" }]),
    class: { unary: "network", stream: "stream_broken" },
    committed: "stream",
    ...FAILED,
  },
  "announces more than it sends": {
    behave: (sample, mode) => misjudged(sample, mode, 50),
    class: { unary: "network", stream: "stream_broken" },
    ...FAILED,
  },
  "announces less than it sends": {
    behave: (sample, mode) => misjudged(sample, mode, -9),
    class: { unary: "malformed_answer", stream: "stream_broken" },
    ...FAILED,
  },
  "answers in another dialect": {
    behave: foreign,
    class: { unary: "malformed_answer", stream: "stream_broken" },
    ...FAILED,
  },
}
