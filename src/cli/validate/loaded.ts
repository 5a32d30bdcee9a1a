/** A configuration with all that a router needs to be started from it. */
import { compile } from "../../config/compile/compile.ts"
import type { Config } from "../../config/config.ts"
import type { Reading } from "../../config/reading.ts"
import type { Snapshot } from "../../config/snapshot.ts"
import { printError } from "../command.ts"
import { pretty } from "../findings-text.ts"
import { readShown } from "../load-shown.ts"

export interface LoadedWhole {
  readonly reading: Reading & { readonly config: Config }
  readonly snapshot: Snapshot
}

/** Null: it has errors, which were printed. */
export async function loadedWhole(
  path: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<LoadedWhole | null> {
  const reading = await readShown({ path, env })
  const { config, callers, findings, lineOf } = reading
  if (config === null || callers === null) {
    printError(pretty(path, findings))
    return null
  }
  const snapshot = compile(config, { userAgent: "smart-router", lineOf, callers: callers.table })
  return { reading: { ...reading, config }, snapshot }
}
