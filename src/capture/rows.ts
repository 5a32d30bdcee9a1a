/** The rows of content: prepared, compressed, sealed. Pure but for nonces, and done in the thread. */
import type { ContentRow } from "../ledger/content.ts"
import type { Content } from "./content.ts"
import { prepared, type PreparedPart } from "./prepare.ts"
import { purposeOf, sealed } from "./seal.ts"

export interface DataKey {
  /** In UTC. */
  readonly day: string
  readonly localKeyId: string
  readonly bytes: Uint8Array
}

/** One statement with so many bytes takes about a millisecond. */
const PIECE_BYTES = 1 << 18
const LEAST_COMPRESSED = 256
const LEVEL = 3

export function rowsOf(content: Content, key: DataKey): readonly ContentRow[] {
  return content.parts.flatMap((part) => partRows(prepared(part, content.rule), content, key))
}

function partRows(part: PreparedPart, content: Content, key: DataKey): readonly ContentRow[] {
  const { bytes: plain } = part
  const packed = plain.length < LEAST_COMPRESSED ? plain : Bun.zstdCompressSync(plain, { level: LEVEL })
  const isPacked = packed.length < plain.length
  const bytes = isPacked ? packed : plain
  const pieces = Math.max(1, Math.ceil(bytes.length / PIECE_BYTES))
  return Array.from({ length: pieces }, (_, piece) => {
    const row = {
      request_id: content.requestId,
      part: part.name,
      piece,
      pieces,
      ts: content.ts,
      caller_id: content.callerId,
      caller_project: content.project,
      caller_environment: content.environment,
      resolved_group: content.group,
      form: part.form,
      coding: isPacked ? "zstd" : "none",
      original_bytes: part.originalBytes,
      kept_bytes: plain.length,
      truncated: part.isTruncated ? 1 : 0,
      redactions: part.redactions,
      left_out: part.leftOut,
      day: key.day,
      local_key_id: key.localKeyId,
      retention_until: content.ts + content.rule.retentionMs,
    } as const
    const slice = bytes.subarray(piece * PIECE_BYTES, (piece + 1) * PIECE_BYTES)
    return { ...row, sealed: sealed(slice, key.bytes, purposeOf(row)) }
  })
}
