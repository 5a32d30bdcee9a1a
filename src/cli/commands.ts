/** Every command with one line about it; what a command needs is loaded only when it runs. */
import { nearest } from "../nearest.ts"
import { BUNDLE_COMMAND } from "../routing/script/bundle/bundles.ts"
import { asUsageError, EXIT, print, printedBy, printError, type Command } from "./command.ts"

interface Listed {
  readonly summary: string
  readonly load: () => Promise<Command>
}

const COMMANDS: Readonly<Record<string, Listed>> = {
  serve: { summary: "Serve calls by a configuration file.", load: () => import("./serve.ts") },
  demo: { summary: "Serve a demo with an embedded provider; needs nothing.", load: () => import("./demo.ts") },
  init: { summary: "Write a starter configuration.", load: () => import("./init.ts") },
  import: { summary: "Write a configuration from that of LiteLLM.", load: () => import("./import.ts") },
  check: { summary: "Check a configuration file without serving.", load: () => import("./check.ts") },
  validate: {
    summary: "Ask the real upstreams what the configuration says of them.",
    load: () => import("./validate.ts"),
  },
  schema: { summary: "Print the JSON Schema of the configuration.", load: () => import("./schema.ts") },
  types: { summary: "Print the TypeScript types of routing scripts.", load: () => import("./types.ts") },
  providers: {
    summary: "Propose entries of the catalogue from what an upstream lists.",
    load: () => import("./providers.ts"),
  },
  catalog: {
    summary: "Say what is declared, proven and observed of targets, and what to declare.",
    load: () => import("./catalog.ts"),
  },
  token: { summary: "Create, list, rotate and revoke caller tokens.", load: () => import("./token.ts") },
  admin: { summary: "Make the hash of an administrator's password.", load: () => import("./admin.ts") },
  explain: { summary: "Explain where a call goes and why.", load: () => import("./explain.ts") },
  activation: {
    summary: "Move records of what is proven of targets, signed.",
    load: () => import("./activation.ts"),
  },
  pii: { summary: "Show what a group's filter for personal data makes of a request.", load: () => import("./pii.ts") },
  replay: { summary: "Decide recorded calls again, with another configuration.", load: () => import("./replay.ts") },
  report: { summary: "Report what calls used, cost and met.", load: () => import("./report.ts") },
  limits: { summary: "Say how near callers and projects are to their limits.", load: () => import("./limits.ts") },
  retention: { summary: "Delete old rows, and hold rows.", load: () => import("./retention.ts") },
  status: { summary: "Say how the running router is.", load: () => import("./status.ts") },
  health: { summary: "Ask a router over HTTP whether it takes calls.", load: () => import("./health.ts") },
  reload: { summary: "Have the running router take its configuration.", load: () => import("./reload.ts") },
  migrate: { summary: "Bring the schema of the usage database up to date.", load: () => import("./migrate.ts") },
  backup: { summary: "Copy the usage database while the router runs.", load: () => import("./backup.ts") },
  restore: { summary: "Put a copy of the usage database in its place.", load: () => import("./restore.ts") },
  completion: { summary: "Print a script that completes commands in a shell.", load: () => import("./completion.ts") },
  man: { summary: "Print the manual page.", load: () => import("./man.ts") },
  version: { summary: "Print version, commit and runtime.", load: () => import("./version.ts") },
}

/** By the name of the command: its help, and those of its actions that have their own. */
export async function commandHelps(): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  const helps = new Map<string, ReadonlySet<string>>()
  for (const [name, { load }] of Object.entries(COMMANDS)) {
    const command = await load()
    const whole = await printedBy(command, ["--help"])
    const actions = [...whole.matchAll(new RegExp(`^(?:Usage:| {6}) smart-router ${name} ([a-z]+)`, "gmu"))]
    const texts = new Set([whole])
    for (const [, action = ""] of actions) texts.add(await printedBy(command, [action, "--help"]))
    helps.set(name, texts)
  }
  return helps
}

/** By the name of the command. */
export function commandSummaries(): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(COMMANDS).map(([name, { summary }]) => [name, summary]))
}

/** The exit code. */
export async function runCommand(argv: readonly string[]): Promise<number> {
  const [first, ...rest] = argv
  if (first === undefined) {
    printError(overview())
    return EXIT.usage
  }
  if (first === BUNDLE_COMMAND) {
    const { run: bundle } = await import("./bundle-scripts.ts")
    return bundle()
  }
  if (first === "--version" || first === "-v") return run("version", rest)
  if (["help", "--help", "-h"].includes(first)) return help(rest)
  return run(first, rest)
}

async function help(topics: readonly string[]): Promise<number> {
  const [topic] = topics
  if (topic !== undefined) return run(topic, ["--help"])
  print(overview())
  return EXIT.ok
}

async function run(name: string, argv: readonly string[]): Promise<number> {
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
  if (command === undefined) {
    const meant = nearest(name, Object.keys(COMMANDS))
    const hint = meant === undefined ? "" : ` Did you mean "${meant}"?`
    printError(`There is no command ${JSON.stringify(name)}.${hint}\n\n${overview()}`)
    return EXIT.usage
  }
  try {
    return await (await command.load()).run(argv)
  } catch (error) {
    const usage = asUsageError(error)
    if (usage === undefined) throw error
    printError(`${usage.message}\nTry: smart-router ${name} --help`)
    return EXIT.usage
  }
}

function overview(): string {
  const width = Math.max(...Object.keys(COMMANDS).map((name) => name.length))
  const lines = Object.entries(COMMANDS).map(([name, { summary }]) => `  ${name.padEnd(width)}  ${summary}`)
  return `smart-router: the governed gateway between AI clients and model providers.

Usage: smart-router <command> [options]

Commands:
${lines.join("\n")}
  ${"help".padEnd(width)}  Show this, or the help of a command.

First steps:
  smart-router demo                        look around without any key
  smart-router init my-router              write a configuration to fill in
  smart-router check --config my-router/config.yaml
  smart-router serve --config my-router/config.yaml

"smart-router help <command>" shows options, examples and exit codes.`
}
