/** The thread that prepares and seals content, some calls at a time. */
import { parentPort } from "node:worker_threads"
import type { ContentRow } from "../ledger/content.ts"
import type { Content, ContentPart } from "./content.ts"
import { rowsOf, type DataKey } from "./rows.ts"

/** Content without its bytes, which stand behind one another in `bytes` of the order. */
export interface SealedContent extends Omit<Content, "parts"> {
  readonly parts: readonly (Omit<ContentPart, "bytes"> & { readonly length: number })[]
}

export interface SealOrder {
  readonly contents: readonly SealedContent[]
  readonly bytes: Uint8Array
  readonly key: DataKey
}

/** For each content its rows; null: it cannot be prepared, and `faults` says why. */
export interface SealReport {
  readonly rows: readonly (readonly ContentRow[] | null)[]
  readonly faults: readonly string[]
}

parentPort?.on("message", ({ contents, bytes, key }: SealOrder) => {
  let at = 0
  const faults: string[] = []
  const rows = contents.map((content) => {
    const parts = content.parts.map(({ length, ...part }): ContentPart => {
      at += length
      return { ...part, bytes: bytes.subarray(at - length, at) }
    })
    try {
      return rowsOf({ ...content, parts }, key)
    } catch (error) {
      // the message may quote content
      faults.push(error instanceof Error ? error.name : "unknown")
      return null
    }
  })
  const report: SealReport = { rows, faults }
  parentPort?.postMessage(report)
})
