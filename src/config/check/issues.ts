/** What the schema objects to, as findings. */
import type { z } from "zod"
import { formatPath, type Report } from "../findings.ts"
import { nearest } from "../../nearest.ts"
import { bare, chainOf, formOf, isSecret, type Path } from "../schema/inspect.ts"

export interface Context {
  readonly root: z.ZodType
  readonly tree: unknown
  readonly expanded: ReadonlySet<string>
  /** Formatted paths of values that are missing for a reason that was reported already. */
  readonly explained: ReadonlySet<string>
  readonly report: Report
}

const KINDS: Readonly<Record<string, string>> = {
  string: "a text",
  number: "a number",
  boolean: "true or false",
  object: "a mapping",
}

export function reportIssues(issues: readonly z.core.$ZodIssue[], context: Context): void {
  for (const issue of issues) reportIssue(issue, context)
}

export function pathOf(issue: z.core.$ZodIssue): Path {
  return issue.path.map((key) => (typeof key === "symbol" ? String(key) : key))
}

function reportIssue(issue: z.core.$ZodIssue, { root, tree, expanded, explained, report }: Context): void {
  const path = pathOf(issue)
  const chain = chainOf(root, path)
  const schema = chain.length > path.length ? chain.at(-1) : undefined
  const expected = schema === undefined ? undefined : expectation(schema)
  const value = valueAt(tree, path)
  if (issue.code === "custom") {
    if (explained.has(formatPath(path))) return
    report({ code: "invalid-value", path, message: issue.message })
  } else if (issue.code === "invalid_key") {
    const named = chainOf(root, path.slice(0, -1)).at(-1)
    const names = named === undefined ? undefined : keyExpectation(named)
    report({ code: "invalid-value", path, atKey: true, message: "This name cannot be used here.", expected: names })
  } else if (value === undefined) {
    if (explained.has(formatPath(path))) return
    const key = path.at(-1)
    const message = typeof key === "number" ? "This list item is empty." : `The key "${key}" is missing.`
    report({ code: "missing-key", path, message, expected })
  } else if (issue.code === "invalid_type" && issue.expected !== "int") {
    const shown = !expanded.has(formatPath(path)) && !isSecret(root, path)
    const hint = typeHint(issue.expected, value, shown)
    report({
      code: "wrong-type",
      path,
      message: `Expected ${expected ?? issue.expected}, found ${kindOf(value)}.${hint}`,
      expected,
    })
  } else {
    const form = schema === undefined ? undefined : formOf(schema)
    const shown = typeof value === "string" && !expanded.has(formatPath(path)) && !isSecret(root, path)
    const meant = form?.is === "choice" && shown ? meantValue(value, form.values) : undefined
    const isHash = schema !== undefined && bare(schema).facts.secret === "hash"
    const hint = isHash && typeof value === "string" ? hashHint(value) : ""
    const instead = form?.is === "choice" && typeof value === "string" ? FOREIGN_VALUES.get(value) : undefined
    const message =
      instead === undefined
        ? `This is not ${expected ?? "valid"}.${hint}`
        : `The reference product has ${value as string}, this router does not: ${instead}.`
    report({ code: "invalid-value", path, message, expected, nearest: meant })
  }
}

/** Values of the reference product, and what to use here. */
const FOREIGN_VALUES: ReadonlyMap<string, string> = new Map([
  ["semantic", "a `script` or an `external` policy can read the text"],
  ["latency", "`dynamic_score` goes by measured latency"],
  ["cost", "`dynamic_score` goes by prices"],
  ["intelligent", "`dynamic_score`, or the `external` policy that it stood for"],
  ["replicate", "use an endpoint that speaks `openai-chat`"],
  ["gemini-generate-content", "use the provider's `openai-chat` endpoint"],
])

const TRUE_WORDS = /^(?:yes|on|true|1|enabled?)$/i
const FALSE_WORDS = /^(?:no|off|false|0|disabled?)$/i
/** Short enough to be repeated in a message. */
const LONGEST_SHOWN = 64

/** What to write instead. */
function typeHint(expected: string, value: unknown, isShown: boolean): string {
  if (expected === "string" && typeof value !== "object") return " Put quotes round it."
  const word = typeof value === "string" || typeof value === "number" ? String(value) : null
  if (word === null || !isShown || word.length > LONGEST_SHOWN) return ""
  if (expected === "array") return ` Write [${word}].`
  if (expected === "boolean" && TRUE_WORDS.test(word)) return " Write true."
  if (expected === "boolean" && FALSE_WORDS.test(word)) return " Write false."
  return ""
}

/** Words of other systems, and what they mean here. */
const OTHER_WORDS: ReadonlyMap<string, string> = new Map([
  ["enabled", "active"],
  ["on", "active"],
  ["claude", "anthropic"],
])

/** The nearest, or the one that the word is a part of. */
function meantValue(word: string, values: readonly string[]): string | undefined {
  const other = OTHER_WORDS.get(word.toLowerCase())
  if (other !== undefined && values.includes(other)) return other
  const near = nearest(word, values)
  if (near !== undefined || word.length < 3) return near
  const lower = word.toLowerCase()
  return (
    values.find((value) => value.startsWith(lower)) ??
    values.find((value) => value.includes(lower) || lower.includes(value))
  )
}

/** A token in place of its hash is a secret in a file. */
function hashHint(value: string): string {
  if (!/^(?:rtr_|sk-)|[^0-9a-fA-F]/.test(value) || value.length < 16 || /\s|^REPLACE/i.test(value)) return ""
  return " If it is the token itself, it is no secret any more: `smart-router token create` makes another one and its entry."
}

/** Completes "expected …". */
export function expectation(schema: z.ZodType): string {
  const { facts } = bare(schema)
  return facts.expects ?? facts.text
}

/** What the names of a table must look like. */
function keyExpectation(table: z.ZodType): string | undefined {
  const names = (bare(table).schema.def as unknown as { readonly keyType?: z.ZodType }).keyType
  return names === undefined ? undefined : expectation(names)
}

function kindOf(value: unknown): string {
  if (value === null) return "nothing"
  return Array.isArray(value) ? "a list" : (KINDS[typeof value] ?? typeof value)
}

function valueAt(tree: unknown, path: Path): unknown {
  let value = tree
  for (const key of path) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return undefined
    value = (value as Readonly<Record<string | number, unknown>>)[key]
  }
  return value
}
