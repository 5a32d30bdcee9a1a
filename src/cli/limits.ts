/** `smart-router limits`: how near callers and projects are to their limits. */
import { EXIT, print, readArguments } from "./command.ts"
import { run as report } from "./report.ts"

const HELP = `Say how near callers and projects are to their limits: use, what is left, and when it ends at the pace of the last day.

Usage: smart-router limits [--near PERCENT] [--config FILE] [--where RULES] [--format FORMAT | --json]

Options:
  --near PERCENT   only limits that are used to so many percent or more
  --config FILE    the configuration; config.yaml in this folder by default
  --where RULES    caller=…, project=…, environment=…
  --top N          so many rows of a table
  --tz ZONE        the time zone of what is shown; UTC by default
  --format FORMAT  table (on a terminal), md (elsewhere), csv or json
  --json           the same as --format json
  -h, --help       show this

It is the section limits of smart-router report.

Exit codes: 0 said, 1 the database cannot be read, 2 wrong arguments.

Examples:
  smart-router limits --near 80
  smart-router limits --where project=lab --format json`

export async function run(argv: readonly string[]): Promise<number> {
  const texts = ["near", "config", "top", "tz", "format"]
  const options = readArguments(argv, { texts, lists: ["where"], flags: ["json"] })
  if (options.flag("help")) {
    print(HELP)
    return EXIT.ok
  }
  return await report(["limits", ...argv])
}
