/**
 * One call as a line of the spool: `<crc32> <generation> <json>\n`. The checksum tells a whole line from a torn or damaged
 * one, wherever it stands; the generation says in which filling of the file it was written.
 */
import { emptyRow, type Scalar } from "./column.ts"
import { cut, LARGEST_CALL } from "./fitted.ts"
import type { CallRecord } from "./record.ts"
import { CHILDREN, USAGE } from "./tables.ts"

export interface SpooledCall {
  readonly generation: string
  readonly call: CallRecord
}

/** Parts that earlier versions did not write. */
type LaterPart = "losses" | "upstreamShapes" | "callerShapes" | "decision"
type Spooled = Omit<CallRecord, LaterPart> & Partial<Pick<CallRecord, LaterPart>>

const CRC_LENGTH = 8

/** A call whose texts are far too long is written with these cut: a line must never hold up those behind it. */
export function encodeLine(generation: string, call: CallRecord): Buffer {
  let json = JSON.stringify(call)
  if (json.length > LARGEST_CALL) json = JSON.stringify(cut(call))
  const body = Buffer.from(`${generation} ${json}`)
  return Buffer.concat([Buffer.from(`${checksum(body)} `), body, Buffer.from("\n")])
}

/** `line` without its newline. Null: torn, foreign or empty. */
export function decodeLine(line: Buffer): SpooledCall | null {
  if (!isWhole(line)) return null
  const body = line.subarray(CRC_LENGTH + 1)
  const space = body.indexOf(0x20)
  try {
    const spooled = JSON.parse(body.toString("utf8", space + 1)) as Spooled
    const call = completed({ losses: [], upstreamShapes: [], callerShapes: [], decision: null, ...spooled })
    return { generation: body.toString("latin1", 0, space), call: line.length > LARGEST_CALL ? cut(call) : call }
  } catch {
    return null
  }
}

type Fields = Record<string, Scalar>

const EMPTY_USAGE = Object.entries(emptyRow(USAGE.columns))
/** Without `request_id`, which is the call's. */
const CHILD_ROWS = CHILDREN.map(({ columns, rowsOf }) => ({
  rowsOf,
  empty: Object.entries(emptyRow(columns)).slice(1),
}))

/** Gives every row the columns that an earlier version did not know. */
function completed(call: CallRecord): CallRecord {
  complete(call.usage, EMPTY_USAGE)
  for (const { rowsOf, empty } of CHILD_ROWS) for (const row of rowsOf(call)) complete(row, empty)
  return call
}

function complete(row: object, empty: readonly (readonly [string, Scalar])[]): void {
  const fields = row as Fields
  for (const [name, value] of empty) if (fields[name] === undefined) fields[name] = value
}

interface Salvaged {
  /** Without their newlines. */
  readonly lines: readonly Buffer[]
  /** Something in the bytes belongs to no whole line. */
  readonly isDamaged: boolean
}

const LINE_HEAD = /[0-9a-f]{8} [0-9a-z]+ \{/g
const BRACE = 0x7d

/** The whole lines in bytes without a newline: one of them, or, where something was written over its end, several. */
export function salvage(bytes: Buffer): Salvaged {
  if (isWhole(bytes)) return { lines: [bytes], isDamaged: false }
  const heads = [...bytes.toString("latin1").matchAll(LINE_HEAD)].map(({ index }) => index)
  const lines = heads.flatMap((start, number) => {
    const end = bytes.lastIndexOf(BRACE, (heads[number + 1] ?? bytes.length) - 1) + 1
    const line = bytes.subarray(start, end)
    return end > start && isWhole(line) ? [line] : []
  })
  return { lines, isDamaged: true }
}

function isWhole(line: Buffer): boolean {
  const body = line.subarray(CRC_LENGTH + 1)
  return body.length > 0 && line.toString("latin1", 0, CRC_LENGTH) === checksum(body)
}

function checksum(body: Buffer): string {
  return Bun.hash.crc32(body).toString(16).padStart(CRC_LENGTH, "0")
}
