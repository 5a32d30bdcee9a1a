/** A request in a file, as a client would send it. */
import { readFileSync } from "node:fs"
import { whyUnreadable } from "../config/read/sources.ts"
import type { DialectName } from "../dialects/name.ts"
import { DIALECTS } from "../dialects/registry.ts"
import { nearest } from "../nearest.ts"
import { printError, UsageError, type Arguments } from "./command.ts"

/** Null: it cannot be read, and why was printed. */
export function readRequest(file: string): Uint8Array | null {
  try {
    return readFileSync(file)
  } catch (error) {
    printError(`${file} cannot be read: ${whyUnreadable(error)}.`)
    return null
  }
}

/** The dialect of `--dialect`; Chat where it is not given. @throws UsageError */
export function dialectOf(options: Arguments): DialectName {
  const said = options.text("dialect") ?? "openai-chat"
  if (Object.hasOwn(DIALECTS, said)) return said as DialectName
  const meant = nearest(said, Object.keys(DIALECTS))
  const hint = meant === undefined ? `It is one of ${Object.keys(DIALECTS).join(", ")}.` : `Did you mean ${meant}?`
  throw new UsageError(`There is no dialect ${JSON.stringify(said)}. ${hint}`)
}
