/** `smart-router man`: the manual page, made of the table of commands and the help of each. */
import { buildInfo } from "../system/build-info.ts"
import { commandHelps, commandSummaries } from "./commands.ts"
import { EXIT, print, readArguments } from "./command.ts"

const HELP = `Print the manual page of smart-router, for man(1).

Usage: smart-router man

It holds the help of every command, so it is right for this version.

Exit codes: 0 printed, 2 wrong arguments.

Examples:
  smart-router man | man -l -
  smart-router man > /usr/local/share/man/man1/smart-router.1`

export async function run(argv: readonly string[]): Promise<number> {
  const options = readArguments(argv, {})
  if (options.flag("help")) {
    print(HELP)
    return EXIT.ok
  }
  const summaries = Object.entries(commandSummaries())
  print(manualPage(buildInfo.version, summaries, await commandHelps()))
  return EXIT.ok
}

/** In roff: https://man7.org/linux/man-pages/man7/man.7.html */
function manualPage(
  version: string,
  summaries: readonly (readonly [name: string, summary: string])[],
  helps: ReadonlyMap<string, ReadonlySet<string>>,
): string {
  return [
    `.TH SMART\\-ROUTER 1 "" "smart\\-router ${roff(version)}" "User Commands"`,
    ".SH NAME",
    "smart\\-router \\- the governed gateway between AI clients and model providers",
    ".SH SYNOPSIS",
    ".B smart\\-router",
    ".I command",
    "[options]",
    ".SH COMMANDS",
    ...summaries.flatMap(([name, summary]) => [".TP", `.B ${roff(name)}`, line(summary)]),
    ...summaries.flatMap(([name]) => [
      `.SH ${roff(name.toUpperCase())}`,
      ...[...(helps.get(name) ?? [])].flatMap(paragraphs),
    ]),
    ".SH ENVIRONMENT",
    ".TP",
    ".B NO_COLOR",
    "Where it is set and not empty, nothing is coloured.",
    ".SH FILES",
    ".TP",
    ".B ./config.yaml",
    "The configuration, where \\-\\-config names no other.",
    ".TP",
    ".B env.json",
    "Beside the configuration: values of variables that it names.",
  ].join("\n")
}

/** Paragraphs of a help: sentences are filled, while usage, options and examples stay as they are. */
function paragraphs(help: string): readonly string[] {
  return help
    .split(/\n{2,}/u)
    .flatMap((paragraph) =>
      /^ |\n {2}|^Usage:/u.test(paragraph)
        ? [".PP", ".nf", ...paragraph.split("\n").map(line), ".fi"]
        : [".PP", ...paragraph.split("\n").map(line)],
    )
}

/** A line of text: at its beginning a dot or an apostrophe would be a command. */
function line(text: string): string {
  const escaped = roff(text)
  return /^[.']/u.test(escaped) ? `\\&${escaped}` : escaped
}

function roff(text: string): string {
  return text
    .replaceAll("\\", "\\e")
    .replaceAll("-", "\\-")
    .replaceAll("…", "...")
    .replaceAll("'", "\\(aq")
    .replaceAll("`", "\\(ga")
}
