/** Reads the lines of a callers file: one JSON object with the keys of a caller on each. */
import type { z } from "zod"
import type { CallerConfig, Config } from "../config.ts"
import { checkCallerCapture } from "./capture-checks.ts"
import { readTree } from "../read/document.ts"
import type { Sources } from "../read/expand.ts"
import type { Report } from "../findings.ts"
import { checkOwner, identitiesIn, type Identities } from "./identities.ts"
import { reportIssues } from "./issues.ts"
import { mapping } from "../read/outline.ts"
import { reportPending } from "./pending.ts"
import { FoundPlaces } from "../read/places.ts"
import { checkAllowed, groupNamesIn, type GroupNames } from "./references.ts"
import { withDefaultLimits } from "./resolve.ts"
import { brokenRules } from "./rules.ts"
import { block, list } from "../schema/field.ts"
import { caller, callerIdentity } from "../schema/identity.ts"

const MOST_KINDS = 10_000
/** A careful reading of a longer line, or of one with more members, would hold the event loop. */
const LONGEST_CAREFUL = 2048
const MOST_MEMBERS = 64
/** No caller is nested so deeply. */
const DEEPEST = 16

const LINE_SCHEMA: z.ZodType = block({ callers: list(caller, "") }, "")

/** What a careful reading looks for: references, variables of other programs, names that objects inherit. */
const SUSPECT =
  /\$\{|"(?:\$|%|\{\{|os\.environ|env[/:.]|__proto__"|constructor"|toString"|toLocaleString"|valueOf"|hasOwnProperty"|isPrototypeOf"|propertyIsEnumerable"|__(?:define|lookup)[GS]etter__")/

const NO_SOURCES: Sources = { variable: () => undefined, file: () => undefined }

/** What a caller is beside its own names and tokens. */
type Kind = Omit<CallerConfig, keyof Identity>
type Identity = Pick<CallerConfig, "id" | "token_sha256" | "token_id" | "token_expires_at" | "tokens">

export class CallerLines {
  readonly #defaults: Readonly<Record<string, unknown>>
  readonly #identities: Identities
  readonly #groups: GroupNames
  readonly #config: Pick<Config, "server"> | null
  /** Lines that were read carefully so far, each of which is some milliseconds' work. */
  careful = 0
  /** Of lines that were found right, by what stands in them beside names and tokens. */
  readonly #kinds = new Map<string, Kind>()

  /**
   * @param tree a configuration, also one that has faults elsewhere
   * @param config the same where it has none; null: what callers say of content capture is not compared with it
   */
  constructor(tree: unknown, config: Pick<Config, "server"> | null) {
    this.#defaults = mapping(mapping(mapping(tree)["server"])["default_caller"])
    this.#identities = identitiesIn(tree)
    this.#groups = groupNamesIn(tree)
    this.#config = config
  }

  /** Null where the line is none of a caller, which was reported then. Paths begin at the caller. */
  read(text: string, report: Report): CallerConfig | null {
    let value: unknown
    try {
      value = JSON.parse(text)
    } catch {
      const message = "This is no JSON object. A line that is still being written looks like this, too."
      report({ code: "wrong-type", path: [], message })
      return null
    }
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      report({ code: "wrong-type", path: [], message: "Expected one JSON object with the keys of a caller." })
      return null
    }
    if (depthOf(text) > DEEPEST) {
      report({ code: "wrong-type", path: [], message: `A caller is nested at most ${DEEPEST} levels deep.` })
      return null
    }
    const isPlain = !SUSPECT.test(text) && saysAllOnce(text, value)
    const read = (isPlain ? this.#quickly(value, report) : null) ?? this.#carefully(text, report)
    if (read === null) return null
    const entry = { path: [], fields: mapping(read) }
    checkOwner(entry, this.#identities, report)
    checkAllowed(entry, this.#groups, report)
    if (this.#config !== null) checkCallerCapture(read, this.#config, [], report)
    if (read.status === "active" && read.allow.length === 0 && !read.metrics_admin && !read.content_admin)
      report({ severity: "warning", code: "nothing-allowed", path: [], message: "The caller may call no model group." })
    return read
  }

  #carefully(text: string, report: Report): CallerConfig | null {
    if (text.length <= LONGEST_CAREFUL && text.split(":").length <= MOST_MEMBERS) {
      this.careful += 1
      return readCarefully(text, this.#defaults, report)
    }
    const message = `This line is no caller, or holds "$" or a name twice: it is too long to be told apart (${LONGEST_CAREFUL} characters, ${MOST_MEMBERS} keys).`
    report({ code: "invalid-value", path: [], message })
    return null
  }

  /** Null: the schema objects. */
  #quickly(value: object, report: Report): CallerConfig | null {
    const [own, rest] = parted(value)
    const name = JSON.stringify(rest)
    const kind = this.#kinds.get(name)
    if (kind !== undefined) {
      const { success, data } = callerIdentity.safeParse(own)
      return success ? { ...kind, ...(data as Identity) } : null
    }
    const { success, data } = caller.safeParse(withDefaultLimits(value, this.#defaults))
    if (!success) return null
    reportPending(value, caller, report)
    if (this.#kinds.size < MOST_KINDS) this.#kinds.set(name, parted(data as CallerConfig)[1] as Kind)
    return data as CallerConfig
  }
}

function parted(value: object): readonly [own: object, rest: object] {
  const { id, token_sha256, token_id, token_expires_at, tokens, ...rest } = value as Partial<CallerConfig>
  return [{ id, token_sha256, token_id, token_expires_at, tokens }, rest]
}

/** Reads the line as the configuration itself is read, so that each fault is named. */
function readCarefully(text: string, defaults: Readonly<Record<string, unknown>>, report: Report): CallerConfig | null {
  let isRight = true
  const own: Report = (finding) => {
    if ((finding.severity ?? "error") === "error") isRight = false
    report({ ...finding, path: finding.path.slice(2) })
  }
  const read = readTree(`{"callers":[${text}]}`, LINE_SCHEMA, NO_SOURCES, new FoundPlaces(), own)
  for (const { path } of read.unresolved)
    own({
      code: "invalid-value",
      path,
      message: "References ${…} are not filled in here.",
      expected: "$${ for the characters",
    })
  const [raw] = (mapping(read.value)["callers"] ?? []) as readonly unknown[]
  const tree = { callers: [withDefaultLimits(raw, defaults)] }
  const parsed = LINE_SCHEMA.safeParse(tree)
  const explained = new Set(read.explained)
  if (!parsed.success)
    reportIssues([...parsed.error.issues, ...brokenRules(tree, LINE_SCHEMA)], {
      root: LINE_SCHEMA,
      tree: { callers: [raw] },
      expanded: read.expanded,
      explained,
      report: own,
    })
  reportPending({ callers: [raw] }, LINE_SCHEMA, own)
  const { callers } = (parsed.data ?? {}) as { readonly callers?: readonly CallerConfig[] }
  return isRight ? (callers?.[0] ?? null) : null
}

/** Brackets in texts count as well, so that nothing has to be read. */
function depthOf(text: string): number {
  let [depth, most] = [0, 0]
  for (let at = 0; at < text.length; at++) {
    const character = text[at]
    if (character === "{" || character === "[") most = Math.max(most, ++depth)
    else if (character === "}" || character === "]") depth--
  }
  return most
}

/** Does each name stand once? What was read of a text says the same as the text only then. */
function saysAllOnce(text: string, value: object): boolean {
  const written = JSON.stringify(value)
  return written === text || written === text.replaceAll(/("(?:[^"\\]|\\.)*")|\s+/g, "$1")
}
