/** `smart-router admin`: what administrators need beside the configuration. */
import { EXIT, print, printError, readArguments, UsageError } from "./command.ts"
import { readSecret } from "./secret-input.ts"

const HELP = `Make the hash of an administrator's password.

Usage: smart-router admin hash-password [--cost COST] [--json]

The password is asked for on a terminal (twice, and not shown), or read as the first line of the standard input. Only its
bcrypt hash is printed: put it into the environment variable that password_hash_env names, or into env.json.

Options:
  --cost COST  what a guess costs, from 10 to 14: each step doubles it; 12 by default (about 0.2 s)
  --json       for machines
  -h, --help   show this

Exit codes: 0 printed, 1 the password cannot be used, 2 wrong arguments.

Examples:
  smart-router admin hash-password
  ADMIN_ANN_HASH=$(smart-router admin hash-password < password.txt)`

const COSTS = { least: 10, usual: 12, most: 14 } as const
/** bcrypt reads no more than 72 bytes. */
const BYTES = { least: 12, most: 72 } as const

export async function run(argv: readonly string[]): Promise<number> {
  const options = readArguments(argv, { texts: ["cost"], flags: ["json"], positionals: 1 })
  if (options.flag("help")) {
    print(HELP)
    return EXIT.ok
  }
  const [action] = options.positionals
  if (action !== "hash-password")
    throw new UsageError(
      action === undefined
        ? "Say what to do: hash-password."
        : `There is no action ${JSON.stringify(action)}; there is hash-password.`,
    )
  const cost = costOf(options.text("cost"))
  const password = await readSecret("Password: ")
  const fault = faultOf(password) ?? (await repeatedFault(password))
  if (fault !== null) {
    printError(fault)
    return EXIT.failed
  }
  const hash = await Bun.password.hash(password, { algorithm: "bcrypt", cost })
  print(options.flag("json") ? JSON.stringify({ password_hash: hash }, null, 2) : hash)
  return EXIT.ok
}

function costOf(text: string | undefined): number {
  if (text === undefined) return COSTS.usual
  const cost = /^\d\d$/.test(text) ? Number(text) : Number.NaN
  if (cost >= COSTS.least && cost <= COSTS.most) return cost
  throw new UsageError(`--cost takes a number from ${COSTS.least} to ${COSTS.most}.`)
}

function faultOf(password: string): string | null {
  const bytes = Buffer.byteLength(password)
  if (bytes < BYTES.least) return `The password is too short: ${BYTES.least} bytes at least.`
  if (bytes > BYTES.most) return `The password is too long: bcrypt reads ${BYTES.most} bytes.`
  return /\p{Cc}/u.test(password) ? "The password holds a control character." : null
}

async function repeatedFault(password: string): Promise<string | null> {
  if (!process.stdin.isTTY) return null
  return (await readSecret("Once more: ")) === password ? null : "The two passwords are not the same."
}
