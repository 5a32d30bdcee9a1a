import { SCRIPT_TYPES } from "../routing/script/script-types.ts"
import { EXIT, print, readArguments } from "./command.ts"

const HELP = `Print the TypeScript types of what routing scripts get and return, so that an editor checks them.

Usage: smart-router types

Name the file in the first line of a script:
  /// <reference path="./smart-router.d.ts" />

Exit codes: 0 printed, 2 wrong arguments.

Example:
  smart-router types > scripts/smart-router.d.ts`

export async function run(argv: readonly string[]): Promise<number> {
  const options = readArguments(argv, {})
  print(options.flag("help") ? HELP : SCRIPT_TYPES.trimEnd())
  return EXIT.ok
}
