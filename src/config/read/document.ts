/**
 * Turns YAML into plain values, guided by the schema: positions are kept, references are filled in, unknown keys are
 * reported where they stand. Never fails: what is wrong becomes a finding and is left out.
 */
import { isAlias, isMap, isScalar, isSeq, LineCounter, type Node, type Scalar, type YAMLMap } from "yaml"
import type { z } from "zod"
import { expand, hasReference, isForeignVariable, type Sources } from "./expand.ts"
import { formatPath, START, type Report } from "../findings.ts"
import { knownKey, pairsOf } from "./mapping-keys.ts"
import { nodesOf } from "./nodes.ts"
import { parseYaml } from "./parse-yaml.ts"
import type { FoundPlaces } from "./places.ts"
import { bare, chainOf, childOf, formOf, type Path } from "../schema/inspect.ts"
import { secretsIn } from "./secrets.ts"
import { isUnset } from "./unset.ts"
import { syntaxMessage } from "./syntax.ts"
import {
  LONGEST_TEXT,
  MAX_ALIASED_VALUES,
  MAX_VALUES,
  spend,
  throughAlias,
  TOO_LARGE,
  TOO_LONG,
  TooLarge,
  type Unresolved,
  type Walk,
} from "./walk.ts"

const ABSENT = Symbol("absent")

export interface Tree {
  /** Plain objects, lists, texts, numbers, booleans and null; undefined when the file is beyond reading. */
  readonly value: unknown
  readonly unresolved: readonly Unresolved[]
  /** Formatted paths of values that are left out because of what was reported about them. */
  readonly explained: ReadonlySet<string>
  /** Of secrets that stand in the file itself. */
  readonly written: readonly Path[]
  /** Formatted paths of values that came in through references: their text is never shown. */
  readonly expanded: ReadonlySet<string>
  readonly secrets: readonly string[]
}

export function readTree(text: string, root: z.ZodType, sources: Sources, places: FoundPlaces, report: Report): Tree {
  const walk = startOf(text, root, sources, places, report)
  const done = (value: unknown): Tree => ({ ...walk, value, secrets: [...walk.secrets] })
  if (text.length > LONGEST_TEXT) {
    report({ code: "too-large", path: [], message: TOO_LONG })
    return done(undefined)
  }
  try {
    const contents = parseYaml(text, walk)
    if (contents === undefined) return done(undefined)
    if (contents === null) {
      const message = "The file is empty, or holds nothing but comments."
      report({ code: "empty-file", path: [], message, expected: "a configuration: `smart-router init` writes one" })
      return done(undefined)
    }
    const value = valueOf(contents, root, [], walk)
    return done(value === ABSENT ? {} : value)
  } catch (error) {
    if (!(error instanceof TooLarge || error instanceof RangeError)) throw error
    places.set([], { key: START, value: START })
    report({ code: "too-large", path: [], message: TOO_LARGE })
    return done(undefined)
  }
}

function startOf(text: string, root: z.ZodType, sources: Sources, places: FoundPlaces, report: Report): Walk {
  const lines = lineCounterOf(text)
  return {
    root,
    sources,
    report,
    places,
    positionAt: (offset) => {
      const { line, col } = lines.linePos(offset)
      return { line: Math.max(1, line), column: Math.max(1, col) }
    },
    anchors: new Map(),
    open: new Set(),
    unresolved: [],
    explained: new Set(),
    written: [],
    expanded: new Set(),
    secrets: new Set(),
    left: MAX_VALUES,
    leftAliased: MAX_ALIASED_VALUES,
    aliases: 0,
  }
}

function lineCounterOf(text: string): LineCounter {
  const lines = new LineCounter()
  lines.addNewLine(0)
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) lines.addNewLine(at + 1)
  return lines
}

function valueOf(node: Node | null, schema: z.ZodType | undefined, path: Path, walk: Walk): unknown {
  spend(walk, path.length)
  if (node === null) return absentOrNull(schema)
  if (isAlias(node)) return aliasOf(node.source, schema, path, walk)
  if (node.anchor !== undefined) walk.anchors.set(node.anchor, node)
  if (isScalar(node)) return scalarOf(node, schema, path, walk)
  walk.open.add(node)
  try {
    if (isMap(node)) return mapOf(node, schema, path, walk)
    return isSeq(node) ? listOf(node.items as (Node | null)[], schema, path, walk) : ABSENT
  } finally {
    walk.open.delete(node)
  }
}

function listOf(items: readonly (Node | null)[], schema: z.ZodType | undefined, path: Path, walk: Walk): unknown[] {
  return items.map((item, index) => itemOf(item, schema, [...path, index], walk))
}

function itemOf(item: Node | null, listSchema: z.ZodType | undefined, path: Path, walk: Walk): unknown {
  if (item !== null) {
    const position = walk.positionAt(item.range?.[0] ?? 0)
    walk.places.set(path, { key: position, value: position })
  }
  const value = valueOf(item, listSchema && childOf(listSchema, 0), path, walk)
  return value === ABSENT ? undefined : value
}

function aliasOf(name: string, schema: z.ZodType | undefined, path: Path, walk: Walk): unknown {
  const target = walk.anchors.get(name)
  if (target !== undefined && !walk.open.has(target)) {
    return throughAlias(walk, () => valueOf(target, schema, path, walk))
  }
  walk.report({ code: "yaml-syntax", path, message: syntaxMessage("BAD_ALIAS") })
  return ABSENT
}

function mapOf(node: YAMLMap, schema: z.ZodType | undefined, path: Path, walk: Walk): unknown {
  const result: Record<string, unknown> = {}
  for (const [name, pair] of pairsOf(node, path, walk)) {
    const keyOffset = (pair.key as Node).range?.[0] ?? 0
    const value = pair.value as Node | null
    const place = { key: walk.positionAt(keyOffset), value: walk.positionAt(value?.range?.[0] ?? keyOffset) }
    walk.places.set([...path, name], place)
    const known = schema === undefined ? name : knownKey(name, node, schema, path, walk)
    if (known === undefined) {
      keepAnchors(value, walk)
      continue
    }
    const below = [...path, known]
    if (known !== name) walk.places.set(below, place)
    const inner = schema && childOf(schema, known)
    const read = valueOf(value, inner, below, walk)
    if (read !== ABSENT && !isUnset(known, read, inner)) result[known] = read
  }
  return result
}

/** Anchors inside a part that is left out may still be used elsewhere. */
function keepAnchors(node: Node | null, walk: Walk): void {
  for (const inner of nodesOf(node))
    if (!isAlias(inner) && inner.anchor !== undefined) walk.anchors.set(inner.anchor, inner)
}

/** A key with nothing behind it counts as left out. */
function absentOrNull(schema: z.ZodType | undefined): unknown {
  return schema !== undefined && (bare(schema).nullable || formOf(schema).is === "any") ? null : ABSENT
}

/** A number where a text belongs is taken as it is written: a hash of digits only is still a hash. */
function scalarOf(node: Scalar, schema: z.ZodType | undefined, path: Path, walk: Walk): unknown {
  const { value } = node
  if (value === null) return absentOrNull(schema)
  if (typeof value === "number" && schema !== undefined && formOf(schema).is === "text")
    return node.source ?? String(value)
  if (typeof value !== "string") return value
  const chain = chainOf(walk.root, path)
  if (isForeignVariable(value)) {
    const message = "This looks like the name of a variable, which would be taken as the value itself."
    walk.report({ code: "invalid-value", path, message, expected: "${NAME}, with braces" })
    walk.explained.add(formatPath(path))
    return ABSENT
  }
  if (!hasReference(value)) {
    const secrets = secretsIn(value, [], path, chain)
    if (secrets.length > 0) walk.written.push(path)
    for (const secret of secrets) walk.secrets.add(secret)
    return value
  }
  walk.expanded.add(formatPath(path))
  const { text, values, missingVariables, missingFiles, malformed } = expand(value, walk.sources)
  for (const secret of secretsIn(text, values, path, chain)) walk.secrets.add(secret)
  if (malformed > 0) {
    const expected = "${NAME}, ${file:/path}, or $${ for the characters themselves"
    walk.report({ code: "invalid-value", path, message: "A reference ${…} in this text is not valid.", expected })
    return ABSENT
  }
  if (missingVariables.length + missingFiles.length > 0) {
    walk.unresolved.push({ path, variables: missingVariables, files: missingFiles })
    return ABSENT
  }
  return schema === undefined ? text : typed(text, schema)
}

/** A text that came from the environment, as the number or truth value that the schema wants. */
function typed(text: string, schema: z.ZodType): unknown {
  const form = formOf(schema)
  if (form.is === "number" && /^-?\d+(\.\d+)?$/.test(text)) return Number(text)
  return form.is === "flag" && /^(true|false)$/.test(text) ? text === "true" : text
}
