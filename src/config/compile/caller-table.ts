/** All callers in the form in which calls ask for them, and what the next reading can take over from this one. */
import type { CompiledLimits, Subject } from "../../governance/state.ts"
import type { Config } from "../config.ts"
import { callerCompiler, type CompiledCaller, type CompiledToken } from "./credentials.ts"
import { quoted, type Report } from "../findings.ts"
import { comparableId } from "../read/outline.ts"
import { LayeredMap } from "./layered-map.ts"
import type { Path } from "../schema/inspect.ts"
import type { Credential } from "../snapshot.ts"

/** Also remembers what must not stand twice. It changes only while it is built. */
export class CallerTable {
  /** By lower-case hex SHA-256 of the raw token. */
  readonly credentials: LayeredMap<Credential>
  /** By caller id. Null: the caller and its project have no limits at all. */
  readonly callerLimits: LayeredMap<CompiledLimits | null>
  /** Callers and projects with a limit, by key; a project may stay here after its last caller. */
  readonly limitedSubjects: LayeredMap<Subject>
  /** By caller id, of callers that have some. */
  readonly tags: LayeredMap<CompiledCaller["tags"]>
  /** Caller ids as they are compared. */
  readonly #ids: LayeredMap<true>
  /** The caller of each token id. */
  readonly #tokenIds: LayeredMap<string>

  /** With all that is in another table. */
  constructor(before: CallerTable | null = null) {
    this.credentials = new LayeredMap(before?.credentials)
    this.callerLimits = new LayeredMap(before?.callerLimits)
    this.limitedSubjects = new LayeredMap(before?.limitedSubjects)
    this.tags = new LayeredMap(before?.tags)
    this.#ids = new LayeredMap(before === null ? null : before.#ids)
    this.#tokenIds = new LayeredMap(before === null ? null : before.#tokenIds)
  }

  /** Reports what stands in the table already. */
  add({ caller, tags, token, furtherTokens }: CompiledCaller, report: Report): void {
    const id = comparableId(caller.id)
    if (this.#ids.has(id))
      report({ code: "duplicate-id", path: ["id"], message: `There is already a caller ${quoted(caller.id)}.` })
    this.#ids.set(id, true)
    this.#addToken(token, [], report)
    for (const [index, further] of furtherTokens.entries()) this.#addToken(further, ["tokens", index], report)
    this.callerLimits.set(caller.id, caller.limits)
    if (Object.keys(tags).length > 0) this.tags.set(caller.id, tags)
    for (const subject of caller.limits?.subjects ?? []) this.limitedSubjects.set(subject.key, subject)
  }

  remove({ caller, token, furtherTokens }: CompiledCaller): void {
    this.#ids.delete(comparableId(caller.id))
    for (const { hash, credential } of [token, ...furtherTokens]) {
      this.credentials.delete(hash)
      this.#tokenIds.delete(credential.tokenId)
    }
    this.callerLimits.delete(caller.id)
    this.tags.delete(caller.id)
    for (const { key, scope } of caller.limits?.subjects ?? []) if (scope === "caller") this.limitedSubjects.delete(key)
  }

  #addToken({ hash, credential }: CompiledToken, path: Path, report: Report): void {
    const { caller, tokenId } = credential
    const other = this.credentials.get(hash)?.caller.id
    if (other !== undefined)
      report({ code: "duplicate-token", path: [...path, "token_sha256"], message: sameOf(other, caller.id, "token") })
    this.credentials.set(hash, credential)
    if (tokenId === "") return
    const namesake = this.#tokenIds.get(tokenId)
    if (namesake !== undefined)
      report({ code: "duplicate-token", path: [...path, "token_id"], message: sameOf(namesake, caller.id, "token_id") })
    this.#tokenIds.set(tokenId, caller.id)
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
  const table = new CallerTable()
  for (const entry of config.callers) table.add(compile(entry), impossible)
  return table
}

function impossible({ message }: Parameters<Report>[0]): never {
  throw new Error(message)
}
