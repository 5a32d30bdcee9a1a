/** A token that did not exist before. */
import { createHash, randomBytes } from "node:crypto"
import { parseDurationMs } from "../../config/schema/duration.ts"
import { yamlText } from "../../config/edit/nodes.ts"
import type { CallerTexts } from "./config-file.ts"
import { UsageError, type Arguments } from "../command.ts"

const SECRET_BYTES = 32
const LONGEST_PART = 64

export interface TokenOwner {
  readonly user: string
  readonly project: string
  readonly environment: string
}

export interface NewToken {
  readonly raw: string
  readonly tokenId: string
  /** As YAML. */
  readonly sha256Yaml: string
  readonly tokenIdYaml: string
}

export function newToken(owner: TokenOwner, key: string): NewToken {
  const tokenId = tokenIdOf(owner, key)
  const raw = `${tokenId}_${randomBytes(SECRET_BYTES).toString("base64url")}`
  const sha256Yaml = `"${createHash("sha256").update(raw).digest("hex")}"`
  return { raw, tokenId, sha256Yaml, tokenIdYaml: yamlText(tokenId) }
}

/** Only what may stand in a header; identity never comes from here. */
export function tokenIdOf({ user, project, environment }: TokenOwner, key: string): string {
  return ["rtr", ...[user, project, environment, key].map((part) => part.replaceAll(/[^A-Za-z0-9.-]/g, "-"))].join("_")
}

/** The first of k1, k2, … whose token id does not stand in the files yet. */
export function freeKey(owner: TokenOwner, { text, callers }: CallerTexts): string {
  for (let number = 1; ; number += 1) {
    const tokenId = tokenIdOf(owner, `k${number}`)
    const known = new RegExp(`${RegExp.escape(tokenId)}(?![A-Za-z0-9.-])`)
    if (!known.test(text) && !known.test(callers?.text ?? "")) return `k${number}`
  }
}

/** The value of an option that becomes part of a token or an entry. */
export function partOption(options: Arguments, name: string): string | undefined {
  const value = options.text(name)
  if (value !== undefined && (/[\s\p{C}]/u.test(value) || value.length > LONGEST_PART)) {
    throw new UsageError(`The value of --${name} must be 1 to ${LONGEST_PART} printable characters without spaces.`)
  }
  return value
}

/** The value of an option as milliseconds. */
export function durationOption(options: Arguments, name: string): number | undefined {
  const value = options.text(name)
  if (value === undefined) return undefined
  const ms = value === "0" ? 0 : parseDurationMs(value)
  if (Number.isNaN(ms)) throw new UsageError(`The value of --${name} must be a duration such as 30m, 24h or 90d.`)
  return ms
}

/** A moment as the configuration writes it, in whole seconds: never later than it is. */
export function instantYaml(unixMs: number): string {
  return `"${instantText(unixMs)}"`
}

export function instantText(unixMs: number): string {
  return new Date(Math.floor(unixMs / 1000) * 1000).toISOString().replace(".000Z", "Z")
}
