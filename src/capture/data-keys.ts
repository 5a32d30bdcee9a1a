/** The key of a day: made by the process that needs it first, wrapped by the configured key, the same for all processes. */
import { randomBytes } from "node:crypto"
import type { CaptureKey } from "../config/compile/capture-rule.ts"
import type { ContentStore, DataKeyRow } from "../ledger/content.ts"
import type { DataKey } from "./rows.ts"
import { KEY_BYTES, keyPurpose, printOf, SealBroken, sealed, unsealed } from "./seal.ts"

/** The configured key does not fit what is stored. The message is for operators and holds no key. */
export class KeyUnusable extends Error {
  readonly reason: "key-missing" | "key-wrong"

  constructor(reason: KeyUnusable["reason"], message: string) {
    super(message)
    this.reason = reason
  }
}

export function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10)
}

type Store = Pick<ContentStore, "dataKey" | "lastPrint" | "addDataKey">

export class DataKeys {
  readonly #store: Store
  #current: DataKey | null = null
  #print = ""

  constructor(store: Store) {
    this.#store = store
  }

  /** To seal with. @throws KeyUnusable; rejects as the store does */
  async forSealing(key: CaptureKey, nowMs: number): Promise<DataKey> {
    const day = dayOf(nowMs)
    const known = this.#current
    const row = await this.#store.dataKey(day, key.id)
    const print = printOf(key.bytes)
    const isKnown = known !== null && known.day === day && known.localKeyId === key.id && this.#print === print
    // without its row nobody could read what is sealed with it
    if (isKnown && row !== null) return known
    const found = row ?? (await this.#made(key, day, nowMs, print))
    this.#current = opened(found, [key])
    this.#print = print
    return this.#current
  }

  async #made(key: CaptureKey, day: string, nowMs: number, print: string): Promise<DataKeyRow> {
    const last = await this.#store.lastPrint(key.id)
    if (last !== null && last !== print) throw wrong(key.id)
    const wrapped = sealed(randomBytes(KEY_BYTES), key.bytes, keyPurpose(day, key.id))
    await this.#store.addDataKey({ day, local_key_id: key.id, key_print: print, created_at: nowMs, wrapped })
    const row = await this.#store.dataKey(day, key.id)
    if (row === null) throw new Error("a data key that was written is not there")
    return row
  }
}

/** To read with. @throws KeyUnusable */
export function opened(row: DataKeyRow, keys: readonly CaptureKey[]): DataKey {
  const { day, local_key_id: localKeyId } = row
  const key = keys.find(({ id }) => id === localKeyId)
  if (key === undefined)
    throw new KeyUnusable(
      "key-missing",
      `The key ${localKeyId} is not configured: name it under server.content_capture.encryption.previous_keys.`,
    )
  if (printOf(key.bytes) !== row.key_print) throw wrong(localKeyId)
  try {
    return { day, localKeyId, bytes: unsealed(row.wrapped, key.bytes, keyPurpose(day, localKeyId)) }
  } catch (error) {
    if (error instanceof SealBroken) throw new KeyUnusable("key-wrong", `The data key of ${day} was changed.`)
    throw error
  }
}

function wrong(id: string): KeyUnusable {
  const message = `The key ${id} is another one than the one that content was stored with under this label. Give a new key a new local_key_id.`
  return new KeyUnusable("key-wrong", message)
}
