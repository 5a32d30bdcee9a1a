/** Adds mappings to a mapping of a YAML text: the models of a catalogue, or the catalogue itself. */
import { parseDocument } from "yaml"
import { addToMap, columnOf, flowEntry, insertLines, isEmptyMap, mapAt, pairOf, yamlText } from "./nodes.ts"
import type { ListEntry, NewPair } from "./nodes.ts"

export type MapEntry = readonly [key: string, pairs: ListEntry]

/**
 * The text with the entries behind those of the mapping at `path`, which may be missing or empty in a mapping that is
 * neither; at the top of the file too. Null: the file's form does not allow it.
 */
export function setEntries(
  text: string,
  path: readonly (string | number)[],
  entries: readonly MapEntry[],
): string | null {
  const document = parseDocument(text, { uniqueKeys: false })
  if (document.errors.length > 0) return null
  const map = mapAt(document.contents, path)
  if (map !== null) return addToMap(text, map, newPairs(entries))
  const holder = mapAt(document.contents, path.slice(0, -1))
  const key = String(path.at(-1))
  if (holder === null) return null
  const pair = pairOf(holder, key)
  if (pair === undefined) return addToMap(text, holder, nested(key, entries))
  if (!isEmptyMap(pair.value)) return null
  const [start, end] = pair.value?.range ?? [0, 0]
  if (holder.flow === true)
    return start === end ? null : `${text.slice(0, start)}{ ${newPairs(entries).flow} }${text.slice(end)}`
  const colon = text.indexOf(":", pair.key.range?.[1] ?? 0) + 1
  const bare = start === end ? text : text.slice(0, start).trimEnd() + text.slice(end)
  return insertLines(bare, colon, newPairs(entries).block(columnOf(text, pair.key.range?.[0] ?? 0) + 2))
}

function nested(key: string, entries: readonly MapEntry[]): NewPair {
  return {
    flow: `${yamlText(key)}: { ${newPairs(entries).flow} }`,
    block: (indentation) => `${" ".repeat(indentation)}${yamlText(key)}:\n${newPairs(entries).block(indentation + 2)}`,
  }
}

function newPairs(entries: readonly MapEntry[]): NewPair {
  return {
    flow: entries.map(([key, pairs]) => `${yamlText(key)}: ${flowEntry(pairs)}`).join(", "),
    block: (indentation) => entries.map(([key, pairs]) => blockEntry(key, pairs, indentation)).join(""),
  }
}

function blockEntry(key: string, pairs: ListEntry, indentation: number): string {
  const space = " ".repeat(indentation)
  return `${space}${yamlText(key)}:\n${pairs.map(([name, yaml]) => `${space}  ${name}: ${yaml}\n`).join("")}`
}
