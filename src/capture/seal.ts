/** AES-256-GCM: what is sealed opens with the same key for the same purpose alone. */
import { createCipheriv, createDecipheriv, createHmac, randomBytes } from "node:crypto"

const CIPHER = "aes-256-gcm"
const NONCE_BYTES = 12
const TAG_BYTES = 16
export const KEY_BYTES = 32

/** What is sealed was changed, belongs elsewhere, or was sealed with another key. */
export class SealBroken extends Error {}

/** Nonce, ciphertext, tag. `purpose` is bound to it and not part of it. */
export function sealed(plain: Uint8Array, key: Uint8Array, purpose: string): Uint8Array {
  const nonce = randomBytes(NONCE_BYTES)
  const cipher = createCipheriv(CIPHER, key, nonce)
  cipher.setAAD(Buffer.from(purpose))
  const whole = new Uint8Array(NONCE_BYTES + plain.length + TAG_BYTES)
  whole.set(nonce)
  whole.set(cipher.update(plain), NONCE_BYTES)
  cipher.final()
  whole.set(cipher.getAuthTag(), NONCE_BYTES + plain.length)
  return whole
}

/** @throws SealBroken */
export function unsealed(whole: Uint8Array, key: Uint8Array, purpose: string): Uint8Array {
  if (whole.length < NONCE_BYTES + TAG_BYTES) throw new SealBroken("there is too little of it")
  const decipher = createDecipheriv(CIPHER, key, whole.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES })
  decipher.setAAD(Buffer.from(purpose))
  decipher.setAuthTag(whole.subarray(whole.length - TAG_BYTES))
  try {
    const plain = decipher.update(whole.subarray(NONCE_BYTES, whole.length - TAG_BYTES))
    decipher.final()
    return plain
  } catch (cause) {
    throw new SealBroken("it does not open", { cause })
  }
}

/** Tells keys apart without telling anything of them. */
export function printOf(key: Uint8Array): string {
  return createHmac("sha256", key).update("smart-router content key").digest("hex").slice(0, 16)
}

export interface PieceAddress {
  readonly request_id: string
  readonly part: string
  readonly piece: number
  readonly pieces: number
  readonly caller_project: string
  readonly caller_environment: string
  readonly form: string
  readonly coding: string
  readonly kept_bytes: number
  readonly truncated: number
}

/** The facts that a piece of content is bound to. */
export function purposeOf(at: PieceAddress): string {
  return JSON.stringify([
    "smart-router content",
    at.request_id,
    at.part,
    at.piece,
    at.pieces,
    at.caller_project,
    at.caller_environment,
    at.form,
    at.coding,
    at.kept_bytes,
    at.truncated,
  ])
}

/** The facts that a wrapped data key is bound to. */
export function keyPurpose(day: string, localKeyId: string): string {
  return JSON.stringify(["smart-router data key", day, localKeyId])
}
