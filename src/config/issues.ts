/** What the schema objects to, as findings. */
import type { z } from "zod"
import { formatPath, type Report } from "./findings.ts"
import { nearest } from "../nearest.ts"
import { bare, chainOf, formOf, isSecret, type Path } from "./schema/inspect.ts"

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
    const hint = issue.expected === "string" && typeof value !== "object" ? " Put quotes round it." : ""
    report({
      code: "wrong-type",
      path,
      message: `Expected ${expected ?? issue.expected}, found ${kindOf(value)}.${hint}`,
      expected,
    })
  } else {
    const form = schema === undefined ? undefined : formOf(schema)
    const shown = typeof value === "string" && !expanded.has(formatPath(path)) && !isSecret(root, path)
    const meant = form?.is === "choice" && shown ? nearest(value, form.values) : undefined
    report({ code: "invalid-value", path, message: `This is not ${expected ?? "valid"}.`, expected, nearest: meant })
  }
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
