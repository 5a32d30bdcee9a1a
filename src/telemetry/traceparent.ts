/** W3C Trace Context: https://www.w3.org/TR/trace-context/#traceparent-header */

/** What a client says of the trace that its call belongs to. */
export interface TraceParent {
  /** 32 lower-case hex digits. */
  readonly traceId: string
  /** 16 lower-case hex digits. */
  readonly spanId: string
  readonly isSampled: boolean
}

const VERSION_0_CHARS = 55
/** Later versions may add members behind a hyphen; `ff` is no version. */
const FORM = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-[!-~]*)?$/
const LONGEST = 512

/** Null: there is none, or it has another form. */
export function parseTraceParent(text: string | null): TraceParent | null {
  if (text === null || text.length > LONGEST || !FORM.test(text)) return null
  if (text.startsWith("00") && text.length !== VERSION_0_CHARS) return null
  return {
    traceId: text.slice(3, 35),
    spanId: text.slice(36, 52),
    isSampled: (Number.parseInt(text.slice(53, 55), 16) & 1) === 1,
  }
}

export function traceParentText({ traceId, spanId, isSampled }: TraceParent): string {
  return `00-${traceId}-${spanId}-${isSampled ? "01" : "00"}`
}
