/** Users, projects, memberships, callers and tokens: who refers to whom, and what must not stand twice. */
import { quoted, type Report } from "../findings.ts"
import { nearest } from "../../nearest.ts"
import { comparableId, isActive, listOf, mapping, textOf, type Entry } from "../read/outline.ts"

/** What callers refer to. */
export interface Identities {
  /** By id; undefined where the section is no list: then every reference to it would only repeat that. */
  readonly users: ReadonlyMap<string, Entry> | undefined
  readonly projects: ReadonlyMap<string, Entry> | undefined
  readonly members: ReadonlyMap<string, Entry>
}

export function checkIdentities(tree: unknown, report: Report): void {
  const root = mapping(tree)
  const users = listOf(root["users"], ["users"])
  const projects = listOf(root["projects"], ["projects"])
  const memberships = listOf(root["project_memberships"], ["project_memberships"])
  const callers = listOf(root["callers"], ["callers"])
  const identities = identitiesIn(tree)
  checkUnique(users, ["id"], "user", report)
  checkUnique(projects, ["id"], "project", report)
  checkUnique(memberships, ["user_id", "project"], "membership", report)
  checkUnique(callers, ["id"], "caller", report)
  for (const membership of memberships) {
    refer(membership, "user_id", identities.users, "user", false, report)
    refer(membership, "project", identities.projects, "project", false, report)
  }
  for (const caller of callers) checkOwner(caller, identities, report)
  checkTokens(callers, report)
}

export function identitiesIn(tree: unknown): Identities {
  const root = mapping(tree)
  const memberships = listOf(root["project_memberships"], ["project_memberships"])
  return {
    users: byId(root["users"], listOf(root["users"], ["users"])),
    projects: byId(root["projects"], listOf(root["projects"], ["projects"])),
    members: new Map(
      memberships.map((entry) => [memberKey(textOf(entry, "user_id"), textOf(entry, "project")), entry]),
    ),
  }
}

/** Reports a caller whose user, project or membership is missing or not active. */
export function checkOwner(caller: Entry, { users, projects, members }: Identities, report: Report): void {
  const active = isActive(caller)
  const user = refer(caller, "owner_user", users, "user", active, report)
  const project = refer(caller, "project", projects, "project", active, report)
  if (active && user && project) checkMembership(caller, members, report)
}

/** Ids count as equal whatever their case. */
function checkUnique(entries: readonly Entry[], keys: readonly string[], what: string, report: Report): void {
  const seen = new Set<string>()
  for (const entry of entries) {
    const parts = keys.map((key) => textOf(entry, key))
    if (parts.includes(undefined)) continue
    const id = JSON.stringify(parts.map((part) => comparableId(part ?? "")))
    const shown = parts.map((part) => quoted(part ?? "")).join(" in ")
    const path = [...entry.path, keys[0] ?? ""]
    if (seen.has(id)) report({ code: "duplicate-id", path, message: `There is already a ${what} ${shown}.` })
    seen.add(id)
  }
}

/** Does the name under `key` lead to an entry (an active one, where that is asked for)? */
function refer(
  from: Entry,
  key: string,
  known: ReadonlyMap<string, Entry> | undefined,
  what: "user" | "project",
  active: boolean,
  report: Report,
): boolean {
  const id = textOf(from, key)
  if (id === undefined || known === undefined) return false
  const path = [...from.path, key]
  const found = known.get(id)
  if (found === undefined) {
    const meant = nearest(id, known.keys())
    report({ code: `unknown-${what}`, path, message: `There is no ${what} ${quoted(id)}.`, nearest: meant })
    return false
  }
  if (active && !isActive(found)) {
    const message = `An active caller refers to the ${what} ${quoted(id)}, which is not active.`
    report({ code: "inactive-reference", path, message })
    return false
  }
  return true
}

function checkMembership(caller: Entry, members: ReadonlyMap<string, Entry>, report: Report): void {
  const user = textOf(caller, "owner_user")
  const project = textOf(caller, "project")
  const found = members.get(memberKey(user, project))
  if (found !== undefined && isActive(found)) return
  const names = `user ${quoted(user ?? "")} in project ${quoted(project ?? "")}`
  const path = [...caller.path, "project"]
  if (found === undefined) {
    const expected = `project_memberships: - { user_id: ${user}, project: ${project}, role: developer, status: active }`
    report({ code: "unknown-reference", path, message: `There is no membership of ${names}.`, expected })
  } else {
    report({ code: "inactive-reference", path, message: `The membership of ${names} is not active.` })
  }
}

/** Names callers, never hashes. */
function checkTokens(callers: readonly Entry[], report: Report): void {
  const hashes = new Map<string, string>()
  const ids = new Map<string, string>()
  for (const [index, caller] of callers.entries()) {
    const owner = textOf(caller, "id") ?? `number ${index + 1}`
    for (const token of [caller, ...listOf(caller.fields["tokens"], [...caller.path, "tokens"])]) {
      const hash = textOf(token, "token_sha256")?.toLowerCase()
      const other = hash === undefined ? undefined : hashes.get(hash)
      if (other !== undefined) {
        const message = `The callers ${quoted(other)} and ${quoted(owner)} have the same token.`
        const path = [...token.path, "token_sha256"]
        report({
          code: "duplicate-token",
          path,
          message: other === owner ? `The caller ${quoted(owner)} has the same token twice.` : message,
        })
      }
      if (hash !== undefined) hashes.set(hash, owner)
      const id = textOf(token, "token_id") ?? ""
      if (id !== "" && ids.has(id)) {
        const message = `The callers ${quoted(ids.get(id) ?? "")} and ${quoted(owner)} have the same token_id.`
        report({ code: "duplicate-token", path: [...token.path, "token_id"], message })
      }
      if (id !== "") ids.set(id, owner)
    }
  }
}

/** Undefined where the section is no list: then every reference to it would only repeat that. */
function byId(section: unknown, entries: readonly Entry[]): ReadonlyMap<string, Entry> | undefined {
  if (section !== undefined && !Array.isArray(section)) return undefined
  return new Map(
    entries.flatMap((entry) => {
      const id = textOf(entry, "id")
      return id === undefined ? [] : [[id, entry] as const]
    }),
  )
}

function memberKey(user: string | undefined, project: string | undefined): string {
  return JSON.stringify([user, project])
}
