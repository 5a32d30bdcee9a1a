/** Takes names of `anthropic-beta` out that a server behind the `anthropic` dialect does not know. */
import type { Loss } from "../../canonical/loss.ts"
import type { Target } from "../../config/snapshot.ts"

type Headers = Readonly<Record<string, string>>

const HEADER = "anthropic-beta"

export function governHeaders(
  { betas, dialect }: Target,
  headers: Headers,
): { readonly headers: Headers; readonly losses: readonly Loss[] } {
  const { [HEADER]: said, ...others } = headers
  if (betas === null || dialect !== "anthropic" || said === undefined) return { headers, losses: [] }
  const names = said.split(",").map((name) => name.trim())
  const kept = names.filter((name) => name !== "" && betas.takes(name))
  const losses = names
    .filter((name) => name !== "" && !kept.includes(name))
    .map((name): Loss => ({ code: "beta", path: name }))
  if (kept.length === names.length) return { headers, losses }
  return { headers: kept.length === 0 ? others : { ...others, [HEADER]: kept.join(",") }, losses }
}
