/** `server.admin_auth`: checked, and turned into what the running router goes by, in one pass. */
import {
  CALLER_SUBJECT,
  type LoadedAdminRules,
  type AdminUser,
  type Grant,
  type RoleLink,
} from "../compile/admin-rules.ts"
import { oidcRules, reportDoor, reportRules, sessionRules } from "./admin-door.ts"
import type { AdminAuth, BasicUser, Config } from "../config.ts"
import { quoted, type Report } from "../findings.ts"
import { nearest } from "../../nearest.ts"
import { listOf, mapping, textOf } from "../read/outline.ts"
import { permission, policyLine, type PolicyLine } from "./policy-lines.ts"
import type { Path } from "../schema/inspect.ts"
import { whyUnreadable, type OpenedSources, type ReadFile } from "../read/sources.ts"

const A_HASH = "what `smart-router admin hash-password` prints, in the environment or in env.json"
const HERE: Path = ["server", "admin_auth"]
/** Salt and digest end in characters whose unused bits are 0. */
const BCRYPT = /^\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{21}[.Oeu][./A-Za-z0-9]{30}[.CGKOSWaeimquy26]$/
/** Cheaper ones can be guessed at leisure; dearer ones make everybody wait for seconds. */
const COSTS = { least: 10, most: 14 } as const

export interface LoadedAdmin {
  readonly rules: LoadedAdminRules
  /** Password hashes. */
  readonly secrets: readonly string[]
  readonly files: readonly string[]
}

interface Tools {
  readonly config: Config
  readonly auth: AdminAuth
  readonly sources: Pick<OpenedSources, "variable">
  readonly readFile: ReadFile
  readonly report: Report
}

export function loadAdmin(
  config: Config,
  sources: Pick<OpenedSources, "variable">,
  readFile: ReadFile,
  report: Report,
): LoadedAdmin {
  const auth = config.server.admin_auth
  const tools = { config, auth, sources, readFile, report }
  const policies = auth.authorization.enabled ? readPolicies(tools) : NO_POLICIES
  const grants = [...callerGrants(config), ...policies.grants]
  const { roles, files } = policies
  const oidc = oidcRules(tools)
  const shared = {
    door: { allowsHttp: auth.basic.allow_insecure_http },
    oidc,
    sessions: sessionRules(auth.sessions),
    reports: reportRules(config.server.admin_reports),
    reportsPrefix: config.server.admin_reports.path_prefix,
    roles,
  }
  reportDoor(tools)
  const secrets = oidc === null || oidc.clientSecret === null ? [] : [oidc.clientSecret]
  if (!auth.basic.enabled) return { rules: { ...shared, basic: null, grants }, secrets, files }
  const users = usersOf(tools)
  grants.push(...userGrants(tools))
  if (auth.authorization.enabled) reportStrangers(roles, tools)
  else reportPowerless(tools)
  const basic = { realm: auth.basic.realm, users }
  secrets.push(...[...users.values()].map((user) => user.passwordHash))
  return { rules: { ...shared, basic, grants }, secrets, files }
}

/** What the flags `metrics_admin` and `content_admin` mean. */
function callerGrants({ callers }: Config): Grant[] {
  return callers.flatMap(({ id, project, environment, metrics_admin, content_admin }) => {
    const subject = CALLER_SUBJECT + id
    const domain = `${project}/${environment}`
    const content = ["delete", "purge"].map((action) => ({ subject, domain, object: "content:capture", action }))
    return [
      ...(metrics_admin ? [{ subject, domain: "*", object: "metrics", action: "read" }] : []),
      ...(content_admin ? content : []),
    ]
  })
}

/** Also of a file that has no meaning as a whole: every missing variable is told in one pass. */
export function reportMissingHashes(tree: unknown, sources: Pick<OpenedSources, "variable">, report: Report): void {
  const server = mapping(mapping(tree)["server"])
  const basic = mapping(mapping(server["admin_auth"])["basic"])
  if (basic["enabled"] !== true) return
  for (const user of listOf(basic["users"], [...HERE, "basic", "users"])) {
    const name = textOf(user, "password_hash_env")
    if (name === undefined || (sources.variable(name) ?? "") !== "") continue
    const path = [...user.path, "password_hash_env"]
    report({ code: "missing-variable", path, message: `${name} has no value.`, expected: A_HASH })
  }
}

function subjectOf({ subject, username }: BasicUser): string {
  return subject ?? `basic:${username}`
}

function usersOf({ config, auth, sources, report }: Tools): ReadonlyMap<string, AdminUser> {
  const users = new Map<string, AdminUser>()
  const domains = new Set(config.callers.map(({ project, environment }) => `${project}/${environment}`))
  for (const [index, user] of auth.basic.users.entries()) {
    const path = [...HERE, "basic", "users", index]
    const { username, domain } = user
    const subject = subjectOf(user)
    if (users.has(username)) {
      const message = `There is already an administrator ${quoted(username)}.`
      report({ code: "duplicate-id", path: [...path, "username"], message })
    }
    if (subject.startsWith(CALLER_SUBJECT)) {
      const message = `The subject of an administrator must not begin with ${CALLER_SUBJECT}: those are callers.`
      report({ code: "invalid-value", path: [...path, "subject"], message })
    }
    // a callers file is read later
    if (domain !== "*" && !domains.has(domain) && config.callers_file === undefined) {
      const message = `No caller is in ${quoted(domain)}, so this administrator sees nothing.`
      const meant = nearest(domain, domains)
      report({ severity: "warning", code: "unknown-reference", path: [...path, "domain"], message, nearest: meant })
    }
    const passwordHash = hashOf(user, [...path, "password_hash_env"], sources, report)
    users.set(username, { subject, domain, passwordHash })
  }
  return users
}

/** Never quotes the value: a password may have been put where its hash belongs. */
function hashOf(user: BasicUser, path: Path, sources: Tools["sources"], report: Report): string {
  const name = user.password_hash_env
  const hash = sources.variable(name)
  const expected = A_HASH
  if (hash === undefined) {
    report({ code: "missing-variable", path, message: `${name} has no value.`, expected })
    return ""
  }
  const cost = Number(BCRYPT.exec(hash)?.[1] ?? Number.NaN)
  if (Number.isNaN(cost)) {
    report({ code: "invalid-value", path, message: `${name} does not hold a bcrypt hash.`, expected })
  } else if (cost < COSTS.least || cost > COSTS.most) {
    const message = `The bcrypt cost in ${name} is ${cost}; it must be from ${COSTS.least} to ${COSTS.most}.`
    report({ code: "invalid-value", path, message, expected })
  }
  return hash
}

function userGrants({ auth, report }: Tools): readonly Grant[] {
  return auth.basic.users.flatMap((user, index) =>
    user.permissions.flatMap((text, place) => {
      const granted = permission(text, subjectOf(user), user.domain)
      if (!("message" in granted)) return granted
      const path = [...HERE, "basic", "users", index, "permissions", place]
      report({ code: "invalid-value", path, message: granted.message, nearest: granted.nearest })
      return []
    }),
  )
}

function reportPowerless({ auth, report }: Tools): void {
  for (const [index, { permissions }] of auth.basic.users.entries()) {
    if (permissions.length > 0) continue
    const message = "This administrator has no permissions, and policies are off: everything is forbidden to it."
    report({ severity: "warning", code: "nothing-allowed", path: [...HERE, "basic", "users", index], message })
  }
}

/** Roles that are given to nobody who is there. */
function reportStrangers(roles: readonly RoleLink[], { config, auth, report }: Tools): void {
  const known = new Set([
    ...auth.basic.users.map(subjectOf),
    ...config.callers.map(({ id }) => CALLER_SUBJECT + id),
    ...roles.map(({ role }) => role),
  ])
  const path = [...HERE, "authorization", "enabled"]
  for (const { subject } of roles) {
    // these sign in through a provider, which knows them
    if (known.has(subject) || /^(?:user|oidc|group):/.test(subject)) continue
    if (subject.startsWith(CALLER_SUBJECT) && config.callers_file !== undefined) continue
    const message = `A policy gives a role to ${quoted(subject)}, who is neither an administrator nor a caller here.`
    report({ severity: "warning", code: "unknown-reference", path, message, nearest: nearest(subject, known) })
  }
}

interface Policies {
  readonly grants: readonly Grant[]
  readonly roles: readonly RoleLink[]
  readonly files: readonly string[]
}

const NO_POLICIES: Policies = { grants: [], roles: [], files: [] }

function readPolicies({ auth, readFile, report }: Tools): Policies {
  const { source, policy, policy_file: file } = auth.authorization
  const path = [...HERE, "authorization"]
  // policies in a database are not built: nothing is granted by them, and by nothing in their place
  if (source === "db") return NO_POLICIES
  const grants: Grant[] = []
  const roles: RoleLink[] = []
  const take = (line: PolicyLine, at: Path, where: (column: number) => string): void => {
    if (line.is === "grants") grants.push(...line.grants)
    else if (line.is === "role") roles.push(line.link)
    else {
      const { column, message, nearest: meant } = line.fault
      report({ code: "invalid-policy", path: at, message: `${where(column)}: ${message}`, nearest: meant })
    }
  }
  for (const [index, text] of policy.entries())
    take(policyLine(text), [...path, "policy", index], (column) => `Column ${column} of this line`)
  if (file !== undefined) {
    const at = [...path, "policy_file"]
    for (const [index, text] of linesOf(file, at, readFile, report).entries()) {
      if (text.trim() === "" || text.trimStart().startsWith("#")) continue
      take(policyLine(text), at, (column) => `Line ${index + 1}, column ${column} of the policy file`)
    }
  }
  if (policy.length === 0 && file === undefined) {
    const message = "There are neither policy lines nor a policy file, so only permissions of users count."
    report({ severity: "warning", code: "no-effect", path: [...path, "enabled"], message })
  }
  return { grants, roles, files: file === undefined ? [] : [file] }
}

function linesOf(file: string, path: Path, readFile: ReadFile, report: Report): readonly string[] {
  try {
    return readFile(file).split(/\r?\n/)
  } catch (error) {
    report({ code: "unreadable-file", path, message: `The policy file cannot be read: ${whyUnreadable(error)}.` })
    return []
  }
}
