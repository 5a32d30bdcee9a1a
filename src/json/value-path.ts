/** Where a value stands in JSON that is known to be valid. */
import { OPEN_BRACE, OPEN_BRACKET } from "./bytes.ts"
import { searchable, skipSpace } from "./search.ts"
import { eachItem, eachMember, endOf } from "./walk.ts"

const DEEPEST = 16
const LONGEST_KEY = 64

/** The path of the value that begins at `offset`, such as `messages[2].content[0].image_url`. Deep paths are cut with `…`. */
export function valuePath(bytes: Uint8Array, offset: number): string {
  const json = searchable(bytes)
  let path = ""
  let at = skipSpace(json, 0)
  for (let depth = 0; at !== offset; depth++) {
    if (depth === DEEPEST) return `${path}…`
    const inner = stepTo(json, at, offset)
    if (inner === null) return path
    path += path === "" ? inner.step.replace(/^\./, "") : inner.step
    at = inner.at
  }
  return path
}

interface Step {
  readonly step: string
  readonly at: number
}

/** From a container to its value around the offset. */
function stepTo(json: Buffer, container: number, offset: number): Step | null {
  let found: Step | null = null
  const look = (step: string, at: number): number => {
    const end = endOf(json, at)
    if (offset < at || offset >= end) return end
    found = { step, at }
    return -1
  }
  if (json[container] === OPEN_BRACE)
    eachMember(json, container, (key, value) => look(`.${key.slice(0, LONGEST_KEY)}`, value))
  let index = 0
  if (json[container] === OPEN_BRACKET) eachItem(json, container, (item) => look(`[${index++}]`, item))
  return found
}
