/**
 * Records on their way to another installation: a JSON object that holds the records as one text, and an Ed25519 signature over
 * the bytes of that text. Nothing in it is a secret.
 */
import { createPrivateKey, createPublicKey, generateKeyPairSync, sign, verify, type KeyObject } from "node:crypto"
import { z } from "zod"
import { DIALECT_NAMES } from "../dialects/wires.ts"
import { CAPABILITIES } from "./capabilities.ts"
import type { ActivationRecord } from "./record.ts"

/** The file, or the key, cannot be used. The message is a sentence for the operator. */
export class SignedFileRefused extends Error {}

export const MOST_FILE_BYTES: number = 16 << 20
const MOST_RECORDS = 20_000
const FORMAT = "smart-router-activation-1"
const PREFIX = "ed25519:"

const text = (most: number): z.ZodString => z.string().min(1).max(most)
const time = z.int().min(0)
const figures = z.record(z.string().regex(/^\w{1,64}$/), z.number().min(0))
const hash = z.string().regex(/^[0-9a-f]{64}$/)
const record = z.strictObject({
  provider: text(256),
  model: text(512),
  group: z.nullable(text(256)),
  dialect: z.enum(DIALECT_NAMES),
  capability: z.enum(CAPABILITIES),
  result: z.enum(["pass", "fail"]),
  checkedAtMs: time,
  expiresAtMs: time,
  fingerprint: hash,
  evidence: z.strictObject({
    requestIds: z.array(z.string().max(200)).max(20),
    counters: figures,
    timings: figures,
    askedHash: z.nullable(hash),
    reason: z.nullable(z.string().max(300)),
  }),
})
const records = z.array(record).max(MOST_RECORDS)
const file = z.strictObject({
  format: z.literal(FORMAT),
  signer: z.string().regex(/^ed25519:[A-Za-z0-9_-]{43}$/),
  signature: z.string().regex(/^[A-Za-z0-9_-]{86}$/),
  records: z.string(),
})

/** A private key in PEM, and its public key as `activation.trust` names it. */
export function newKey(): { readonly privatePem: string; readonly publicName: string } {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519")
  const privatePem = privateKey.export({ type: "pkcs8", format: "pem" })
  return { privatePem, publicName: nameOf(publicKey) }
}

/** Only what was proven here: what calls showed and what was imported stays. @throws SignedFileRefused for a key that is none */
export function signedFile(all: readonly ActivationRecord[], privatePem: string): string {
  const key = privateKeyOf(privatePem)
  const own = all.filter(({ source }) => source === "validate").slice(0, MOST_RECORDS)
  const payload = JSON.stringify(own.map(writtenOf))
  const signature = sign(null, Buffer.from(payload), key).toString("base64url")
  return `${JSON.stringify({ format: FORMAT, signer: nameOf(createPublicKey(key)), signature, records: payload })}\n`
}

/** Whoever takes it says where it came from. */
function writtenOf({ source: _source, signer: _signer, ...rest }: ActivationRecord): object {
  return rest
}

/** The records as imported ones. `nowMs`: none may be of later than a day from then. @throws SignedFileRefused */
export function recordsIn(
  bytes: string,
  isTrusted: (signer: string) => boolean,
  nowMs: number,
): readonly ActivationRecord[] {
  const { signer, signature, records: payload } = parsed(file, bytes, "This is no file of activation records")
  if (!isTrusted(signer))
    throw new SignedFileRefused(
      `The file is signed by ${signer}, which activation.trust of no group of this configuration names.`,
    )
  if (!verify(null, Buffer.from(payload), publicKeyOf(signer), Buffer.from(signature, "base64url")))
    throw new SignedFileRefused("The signature does not fit: the file was changed, or not written by its signer.")
  const found = parsed(records, payload, "The records cannot be read")
  const future = nowMs + DAY_MS
  if (found.some(({ checkedAtMs }) => checkedAtMs > future))
    throw new SignedFileRefused("Records of the file are of the future: the clock here, or there, is wrong.")
  return found.map((one) => ({ ...one, source: "import", signer }))
}

const DAY_MS = 86_400_000

function parsed<Value>(schema: z.ZodType<Value>, bytes: string, refusal: string): Value {
  let value: unknown
  try {
    value = JSON.parse(bytes)
  } catch {
    throw new SignedFileRefused(`${refusal}: it is not JSON.`)
  }
  const { success, data, error } = schema.safeParse(value)
  if (success) return data
  const [issue] = error.issues
  throw new SignedFileRefused(`${refusal}: ${issue?.path.join(".") ?? ""} ${issue?.message ?? ""}`.trim())
}

function privateKeyOf(pem: string): KeyObject {
  try {
    const key = createPrivateKey(pem)
    if (key.asymmetricKeyType === "ed25519") return key
  } catch {
    // said below
  }
  throw new SignedFileRefused("The key is no Ed25519 private key in PEM: smart-router activation key writes one.")
}

/** The last 32 bytes of its encoding are the key. https://www.rfc-editor.org/rfc/rfc8410#section-4 */
function nameOf(key: KeyObject): string {
  return PREFIX + key.export({ type: "spki", format: "der" }).subarray(-KEY_BYTES).toString("base64url")
}

const KEY_BYTES = 32
const SPKI_BEFORE = Buffer.from("302a300506032b6570032100", "hex")

function publicKeyOf(name: string): KeyObject {
  const raw = Buffer.from(name.slice(PREFIX.length), "base64url")
  return createPublicKey({ key: Buffer.concat([SPKI_BEFORE, raw]), type: "spki", format: "der" })
}
