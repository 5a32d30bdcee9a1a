/** All callers in the form in which calls ask for them, and what the next reading can take over from this one. */
import type { CompiledLimits, Subject } from "../governance/state.ts"
import type { Config } from "./config.ts"
import { callerCompiler, type CompiledCaller } from "./credentials.ts"
import type { Report } from "./findings.ts"
import { quoted } from "./findings.ts"
import { comparedId } from "./identities.ts"
import type { Credential } from "./snapshot.ts"

export interface CallerTable {
  /** By lower-case hex SHA-256 of the raw token. */
  readonly credentials: ReadonlyMap<string, Credential>
  /** By caller id. Null: the caller and its project have no limits at all. */
  readonly callerLimits: ReadonlyMap<string, CompiledLimits | null>
  /** Callers and projects with a limit, by key. */
  readonly limitedSubjects: ReadonlyMap<string, Subject>
}


/** Builds a table caller by caller. */
export class TableBuilder implements CallerTable {
  readonly credentials: Map<string, Credential> = new Map()
  readonly callerLimits: Map<string, CompiledLimits | null> = new Map()
  readonly limitedSubjects: Map<string, Subject> = new Map()
  readonly #ids = new Set<string>()
  readonly #tokenIds = new Map<string, string>()

  /** Leaves out a caller whose id or token stands in the table already, and reports it. */
  add({ caller, credentials }: CompiledCaller, report: Report): void {
    const fault = this.#faultOf({ caller, credentials })
    if (fault !== null) return report(fault)
    this.#ids.add(comparedId(caller.id))
    for (const [hash, credential] of credentials) {
      this.credentials.set(hash, credential)
      if (credential.tokenId !== "") this.#tokenIds.set(credential.tokenId, caller.id)
    }
    this.callerLimits.set(caller.id, caller.limits)
    for (const subject of caller.limits?.subjects ?? []) this.limitedSubjects.set(subject.key, subject)
  }

  #faultOf({ caller, credentials }: CompiledCaller): Parameters<Report>[0] | null {
    if (this.#ids.has(comparedId(caller.id)))
      return { code: "duplicate-id", path: ["id"], message: `There is already a caller ${quoted(caller.id)}.` }
    const own = new Set<string>()
    for (const [index, [hash, { tokenId }]] of credentials.entries()) {
      const at = index === 0 ? [] : ["tokens", index - 1]
      const other = own.has(hash) ? caller.id : this.credentials.get(hash)?.caller.id
      if (other !== undefined)
        return { code: "duplicate-token", path: [...at, "token_sha256"], message: sameOf(other, caller.id, "token") }
      const namesake = own.has(tokenId) ? caller.id : this.#tokenIds.get(tokenId)
      if (namesake !== undefined)
        return { code: "duplicate-token", path: [...at, "token_id"], message: sameOf(namesake, caller.id, "token_id") }
      own.add(hash)
      if (tokenId !== "") own.add(tokenId)
    }
    return null
  }
}

/** Names callers, never hashes. */
function sameOf(one: string, other: string, thing: string): string {
  return one === other
    ? `The caller ${quoted(one)} has the same ${thing} twice.`
    : `The callers ${quoted(one)} and ${quoted(other)} have the same ${thing}.`
}

/** Of callers that were checked and found right. */
export function tableOf(config: Config): CallerTable {
  const compile = callerCompiler(config)
  const table = new TableBuilder()
  for (const entry of config.callers) table.add(compile(entry), impossible)
  return table
}

function impossible({ message }: Parameters<Report>[0]): never {
  throw new Error(message)
}
