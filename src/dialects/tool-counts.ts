/** Counts tools by what the scan knows of their types; only those of which the type does not tell enough are read. */
import { QUOTE } from "../json/bytes.ts"
import type { Member, ScannedObject } from "../json/scan.ts"
import { searchable } from "../json/search.ts"
import { indexFrom } from "../json/sorted.ts"
import { endOf, stringAt } from "../json/walk.ts"
import { utf8 } from "../text.ts"

export interface ToolCounts {
  /** Executed by the client. */
  readonly client: number
  /** Executed by the provider. */
  readonly hosted: number
}

export const NO_TOOLS: ToolCounts = { client: 0, hosted: 0 }
export const AT_CLIENT: ToolCounts = { client: 1, hosted: 0 }
export const HOSTED: ToolCounts = { client: 0, hosted: 1 }

/** `type`: null where the element says none, or none in words. `read` gives the whole element. */
export type CountByType = (type: string | null, read: () => unknown) => ToolCounts

export function countElements(body: ScannedObject, members: readonly Member[], count: CountByType): ToolCounts {
  const { elements } = body
  const json = searchable(body.bytes)
  let [client, hosted] = [0, 0]
  for (const { start, end } of members) {
    for (let index = indexFrom(elements, start); (elements[index] ?? end) < end; index++) {
      const element = elements[index] ?? 0
      const counts = countElement(body, json, element, Math.min(end, elements[index + 1] ?? end), count)
      client += counts.client
      hosted += counts.hosted
    }
  }
  return { client, hosted }
}

const FUNCTION = Buffer.from('"function"')

/** Nearly all are. */
function isFunction(bytes: Uint8Array, at: number): boolean {
  for (let index = 0; index < FUNCTION.length; index++) if (bytes[at + index] !== FUNCTION[index]) return false
  return true
}

/** One that says its type twice is what is worse of both. */
function countElement(
  { bytes, types }: ScannedObject,
  json: Buffer,
  start: number,
  end: number,
  count: CountByType,
): ToolCounts {
  const read = (): unknown => JSON.parse(utf8(bytes, start, endOf(json, start)))
  let counts: ToolCounts | null = null
  for (let index = indexFrom(types, start); (types[index] ?? end) < end; index++) {
    const value = types[index] ?? 0
    const type = isFunction(bytes, value)
      ? "function"
      : bytes[value] === QUOTE
        ? stringAt(bytes, value, endOf(json, value))
        : null
    const said = count(type, read)
    if (counts === null || said.hosted > counts.hosted) counts = said
  }
  return counts ?? count(null, read)
}
