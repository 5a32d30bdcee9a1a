/** Where the page about the configuration describes a key: a block that stands in several places is described at the first. */
import type { z } from "zod"
import { bare, childOf, formOf } from "./inspect.ts"

export interface DescribedBlock {
  /** `models.<name>.targets[]`; `The file` for the root. */
  readonly heading: string
  readonly schema: z.ZodType
}

export interface DescribedBlocks {
  /** In the order of the page. */
  readonly blocks: readonly DescribedBlock[]
  /** The heading under which the block is described that stands at a path. */
  readonly headingOf: (schema: z.ZodType, path: string) => string
}

const ROOT = "The file"

export function describedBlocks(root: z.ZodType): DescribedBlocks {
  const headings = new Map<string, string>()
  const blocks: DescribedBlock[] = []
  const queue: DescribedBlock[] = [{ heading: ROOT, schema: root }]
  for (let block = queue.shift(); block !== undefined; block = queue.shift()) {
    blocks.push(block)
    const inner: DescribedBlock[] = []
    const form = formOf(block.schema)
    for (const [key, value] of Object.entries(form.is === "block" ? form.shape : {})) {
      const found = blockIn(value, keyPath(block.heading, key))
      if (found === null || headings.has(nameOf(found.schema, found.heading))) continue
      headings.set(nameOf(found.schema, found.heading), found.heading)
      inner.push(found)
    }
    queue.unshift(...inner)
  }
  return { blocks, headingOf: (schema, path) => headings.get(nameOf(schema, path)) ?? path }
}

function nameOf(schema: z.ZodType, path: string): string {
  return bare(schema).facts.name ?? path
}

/** The path of a key of a block, as the page writes it. */
export function keyPath(heading: string, key: string): string {
  return heading === ROOT ? key : `${heading}.${key}`
}

/** The block that a value is made of, in lists and tables too. */
function blockIn(schema: z.ZodType, path: string): DescribedBlock | null {
  const form = formOf(schema)
  if (form.is === "block") return { heading: path, schema }
  if (form.is === "list") return blockIn(form.item, `${path}[]`)
  return form.is === "table" ? blockIn(form.value, `${path}.<name>`) : null
}

/** The anchor of a key in the router's own page: `models.<name>.targets[].provider` has `models.name.targets.provider`. */
export function keyAnchor(path: string): string {
  return path.replaceAll("[]", "").replaceAll(/[<>]/gu, "")
}

const KEYS = /\[(\d+)\]|\["((?:[^"\\]|\\.)*)"\]|([A-Za-z0-9_-]+)/gu

/** A path as findings write it (`formatPath`). */
export function parsePath(text: string): readonly (string | number)[] {
  return [...text.matchAll(KEYS)].map(([, index, quoted, plain]) =>
    index === undefined ? (plain ?? (quoted === undefined ? "" : String(JSON.parse(`"${quoted}"`)))) : Number(index),
  )
}

/** The anchor of the key that a finding is about, or of what is around it; null: of the file as a whole. */
export function anchorOf(root: z.ZodType, path: string, { headingOf }: DescribedBlocks): string | null {
  let schema = root
  let block = ROOT
  let at = ""
  let anchor: string | null = null
  for (const key of parsePath(path)) {
    const form = formOf(schema)
    const next = childOf(schema, key)
    if (next === undefined || form.is === "any") break
    if (form.is === "block") {
      at = keyPath(block, String(key))
      anchor = keyAnchor(at)
    } else at = form.is === "list" ? `${at}[]` : `${at}.<name>`
    schema = next
    if (formOf(schema).is === "block") block = headingOf(schema, at)
  }
  return anchor
}
