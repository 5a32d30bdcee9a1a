/** What whole answers say about themselves. Pure: what is large is done in another thread. */
import { FRAME, NO_REQUEST_FACTS } from "../../dialects/dialect.ts"
import type { AnswerFacts, Dialect, ReplyVerdict, UpstreamFault } from "../../dialects/dialect.ts"
import { parseBytes } from "../../dialects/loose.ts"
import { replyMeter, type OutputMeter } from "../../dialects/output-meter.ts"
import type { StoredId } from "../../dialects/stored-ids.ts"
import { FrameSplitter } from "../../sse/frames.ts"

/** Which ids an answer may hand out. `none`: it is written anew. `kept`: the provider keeps the answer itself, too. */
export type ReturnRule = "none" | "named" | "kept"

export interface JudgedReply {
  readonly verdict: ReplyVerdict
  readonly returned: readonly StoredId[]
  /** Null: the vendor has reported its output. */
  readonly meter: OutputMeter | null
}

const NONE: readonly StoredId[] = []

export function judgedReply(bytes: Uint8Array, dialect: Dialect, returns: ReturnRule): JudgedReply {
  const verdict = dialect.judgeReply(bytes)
  if (verdict.kind === "fault") return { verdict, returned: NONE, meter: null }
  return { verdict, returned: returnedBy(bytes, dialect, returns), meter: replyMeter(bytes, verdict, dialect) }
}

function returnedBy(bytes: Uint8Array, { stored }: Dialect, returns: ReturnRule): readonly StoredId[] {
  if (returns === "none" || (returns === "named" && !stored.mayReturn(bytes))) return NONE
  return stored.returned(parseBytes(bytes) ?? {}, returns === "kept")
}

export interface JudgedStream {
  /** `unsaid`: there is one, and no words tell which; null: there is none. */
  readonly fault: UpstreamFault | "unsaid" | null
  readonly facts: AnswerFacts
  readonly meter: OutputMeter
}

/** Of a stream that has come to its end, or to a fault. */
export function judgedStream(bytes: Uint8Array, dialect: Dialect): JudgedStream {
  const observer = dialect.createObserver({ ...NO_REQUEST_FACTS, stream: true })
  const splitter = new FrameSplitter(Infinity)
  splitter.push(bytes)
  while (splitter.next())
    if ((observer.frame(splitter.bytes, splitter.start, splitter.end) & FRAME.fault) !== 0)
      return { fault: observer.fault ?? "unsaid", facts: observer.facts(), meter: observer.meter }
  return { fault: null, facts: observer.facts(), meter: observer.meter }
}
