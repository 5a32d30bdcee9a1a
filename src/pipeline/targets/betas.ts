/** Takes out what a server behind the `anthropic` dialect does not know: names of `anthropic-beta`, and the fields that ride on them. */
import type { Loss } from "../../canonical/loss.ts"
import type { Target } from "../../config/snapshot.ts"
import { omitFields } from "../../json/omit.ts"
import { scanObject } from "../../json/scan.ts"

export interface Parts {
  readonly headers: Readonly<Record<string, string>>
  /** In pieces. */
  readonly body: readonly Uint8Array[]
}

export interface Governed extends Parts {
  readonly losses: readonly Loss[]
}

const HEADER = "anthropic-beta"

export function governBetas(target: Target, parts: Parts): Governed {
  if (target.betas === null || target.dialect !== "anthropic") return { ...parts, losses: [] }
  const losses: Loss[] = []
  return { headers: headersOf(target.betas, parts, losses), body: bodyOf(target.betas, parts, losses), losses }
}

type Policy = NonNullable<Target["betas"]>

function headersOf({ takes }: Policy, { headers }: Parts, losses: Loss[]): Parts["headers"] {
  const { [HEADER]: said, ...others } = headers
  if (said === undefined) return headers
  const names = said.split(",").map((name) => name.trim())
  const kept = names.filter((name) => name !== "" && takes(name))
  for (const name of names) if (name !== "" && !kept.includes(name)) losses.push({ code: "beta", path: name })
  if (kept.length === names.length) return headers
  return kept.length === 0 ? others : { ...others, [HEADER]: kept.join(",") }
}

function bodyOf({ fields }: Policy, { body }: Parts, losses: Loss[]): Parts["body"] {
  if (fields.length === 0) return body
  const scanned = scanObject(Buffer.concat(body), Infinity)
  const { bytes: left, omitted } = omitFields(scanned, fields)
  if (omitted.length === 0) return body
  for (const path of omitted) losses.push({ code: "field", path })
  return [left]
}
