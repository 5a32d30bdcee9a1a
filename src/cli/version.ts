import { buildInfo } from "../system/build-info.ts"
import { EXIT, print, readArguments } from "./command.ts"

const HELP = `Print what this program is.

Usage: smart-router version [--json]

Options:
  --json     one JSON object: version, commit, build_time, runtime, os, arch
  -h, --help show this

Exit codes: 0 printed, 2 wrong arguments.

Example:
  smart-router version --json`

export async function run(argv: readonly string[]): Promise<number> {
  const options = readArguments(argv, { flags: ["json"] })
  if (options.flag("help")) print(HELP)
  else if (options.flag("json")) print(JSON.stringify(buildInfo, null, 2))
  else {
    const { version, commit, build_time, runtime, os, arch } = buildInfo
    print(`smart-router ${version} (commit ${commit}, built ${build_time}, ${runtime}, ${os} ${arch})`)
  }
  return EXIT.ok
}
