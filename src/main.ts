import { runCommand } from "./cli/commands.ts"
import { takeEnvironment } from "./cli/environment.ts"

takeEnvironment()
process.exitCode = await runCommand(process.argv.slice(2))
