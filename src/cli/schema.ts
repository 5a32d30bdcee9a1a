import { configJsonSchema } from "../config/schema/json-schema.ts"
import { EXIT, print, readArguments } from "./command.ts"

const HELP = `Print the JSON Schema of the configuration file, so that an editor completes and checks it.

Usage: smart-router schema

Name the file in the first line of the configuration:
  # yaml-language-server: $schema=./smart-router.schema.json

Exit codes: 0 printed, 2 wrong arguments.

Example:
  smart-router schema > smart-router.schema.json`

export async function run(argv: readonly string[]): Promise<number> {
  const options = readArguments(argv, {})
  print(options.flag("help") ? HELP : schemaText())
  return EXIT.ok
}

/** The JSON Schema as it stands in a file, without the line break at its end. */
export function schemaText(): string {
  return JSON.stringify(configJsonSchema(), null, 2)
}
