/** Takes the names of betas out of a request's headers that a server does not know. */
import type { Loss } from "../../canonical/loss.ts"
import type { Target } from "../../config/snapshot.ts"
import { WIRES } from "../../dialects/wires.ts"

type Headers = Readonly<Record<string, string>>

export function governHeaders(
  { betas, dialect }: Target,
  headers: Headers,
): { readonly headers: Headers; readonly losses: readonly Loss[] } {
  const header = WIRES[dialect].betaHeader
  if (betas === null || header === null) return { headers, losses: [] }
  const { [header]: said, ...others } = headers
  if (said === undefined) return { headers, losses: [] }
  const names = said.split(",").map((name) => name.trim())
  const kept = names.filter((name) => name !== "" && betas.takes(name))
  const losses = names
    .filter((name) => name !== "" && !kept.includes(name))
    .map((name): Loss => ({ code: "beta", path: name }))
  if (kept.length === names.length) return { headers, losses }
  return { headers: kept.length === 0 ? others : { ...others, [header]: kept.join(",") }, losses }
}
