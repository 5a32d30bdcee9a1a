/** What a caller reads that names a model group which it may not use. */
import { plain } from "../../bounded-text.ts"
import type { Credential, Snapshot } from "../../config/snapshot.ts"
import { RouterError } from "../../errors.ts"
import { nearest } from "../../nearest.ts"
import { partyOf } from "./party.ts"

const MOST_NAMES = 12
const LONGEST_NAME = 64
/** Names that are compared; more would make a wrong name cost as much as a call. */
const MOST_COMPARED = 1000

/** A name that is unknown and a name that is forbidden look alike, so that nobody can list groups by guessing. */
export function groupNotAllowed(name: string, credential: Credential, { groups }: Snapshot): RouterError {
  const { allowed } = credential.caller
  const names: string[] = []
  const compared: string[] = []
  for (const [id, group] of groups) {
    if (!allowed.has(group.name)) continue
    if (id === group.name) names.push(id)
    if (compared.push(id) >= MOST_COMPARED) break
  }
  const near = nearest(name, compared)
  const message = [
    `There is no model group ${quoted(name)} that this token may use.`,
    ...(near === undefined ? [] : [`Did you mean ${quoted(near)}?`]),
    listed(names),
  ]
  const group = groups.get(name)
  const who = {
    ...partyOf(credential),
    ...(group === undefined ? {} : { requested_model: group.name }),
  }
  return new RouterError("model-not-allowed", { param: "model", message: message.join(" "), who })
}

function listed(names: readonly string[]): string {
  if (names.length === 0) return "It may use none."
  const shown = names.slice(0, MOST_NAMES).map((name) => plain(name, LONGEST_NAME))
  const more = names.length > shown.length ? ", and others (GET /v1/models lists all)" : ""
  return `It may use: ${shown.join(", ")}${more}.`
}

function quoted(name: string): string {
  return JSON.stringify(plain(name, LONGEST_NAME))
}
