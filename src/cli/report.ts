/** `smart-router report`: what the usage database tells, as tables, Markdown, CSV or JSON. */
import { nearest } from "../nearest.ts"
import { buildSection } from "../reports/build.ts"
import { DIMENSION_NAMES } from "../reports/dimensions.ts"
import { MOST_GROUPS, ReportRefused, ReportUnavailable } from "../reports/query.ts"
import type { Asked, Section, SectionDefinition, Sources } from "../reports/section.ts"
import { sectionNamed, SECTIONS } from "../reports/sections/list.ts"
import { systemClock } from "../system/clock.ts"
import { type Arguments, EXIT, print, printError, readArguments, UsageError } from "./command.ts"
import { Progress } from "./progress.ts"
import { alarmOf, type Alarm, watchCells } from "./report/alarm.ts"
import { askedBy } from "./report/asked.ts"
import {
  BASELINE_OPTIONS,
  optionLines,
  OUTPUT_OPTIONS,
  QUESTION_OPTIONS,
  SOURCE_OPTIONS,
  WHERE_ALIASES,
} from "./report/options.ts"
import { type Format, formatOf, renderReport, writeReport } from "./report/output.ts"
import { reportSource, type ReportSource } from "./report/source.ts"
import { verifyReport } from "./report/verify.ts"

const OPTIONS = [...SOURCE_OPTIONS, ...QUESTION_OPTIONS, ...BASELINE_OPTIONS, ...OUTPUT_OPTIONS]

const WIDTH = 118

/** Words over several lines, those behind the first one further in. */
function lines(first: string, words: string): string {
  const indent = " ".repeat(first.length)
  const all: string[] = []
  let line = first
  for (const word of words.split(" ")) {
    if (line.length + word.length >= WIDTH) {
      all.push(line.trimEnd())
      line = indent
    }
    line += `${word} `
  }
  return [...all, line.trimEnd()].join("\n")
}

function help(): string {
  const width = Math.max(...SECTIONS.map(({ id }) => id.length))
  const aliases = Object.keys(WHERE_ALIASES).map((name) => `--${name}`)
  return `Report what calls used, cost and met, from the usage database. Reads only; a running router is not disturbed.

Usage: smart-router report [SECTION] [--config FILE | --db FILE | --dsn URL] [options]

Without a section: everything but single calls. Sections:
${SECTIONS.map(({ id, about }) => lines(`  ${id.padEnd(width)}  `, about)).join("\n")}

What to read:
${optionLines(SOURCE_OPTIONS)}

What to ask:
${optionLines(QUESTION_OPTIONS)}
${lines("  Dimensions: ", `${DIMENSION_NAMES.join(", ")}; tags of callers as tag.NAME.`)}
${lines("  Rules: ", "= != and ^= (begins with) for dimensions, >= and <= for latency_ms, cost_usd, attempts and total_tokens.")}
${lines("  Short for rules: ", `${aliases.join(", ")}; --traffic-tuning-advisor is the section advisor.`)}

What to compare with (section savings):
${optionLines(BASELINE_OPTIONS)}

What to get:
${optionLines(OUTPUT_OPTIONS)}
  -h, --help       show this

Exit codes: 0 reported, 1 the database cannot be read, or --verify found a difference; 2 wrong arguments; 4 a bound of
--fail-if is passed.

Examples:
  smart-router report --config .demo/config.yaml
  smart-router report cost --since 30d --by project,model
  smart-router report usage --from 2026-11-01 --to 2026-12-01 --tz Europe/Berlin --by project,day --format csv --out november.csv
  smart-router report cost --since 30d --by tag.team
  smart-router report errors --since 2h --where group=fast
  smart-router report calls --since 24h --where 'status_class!=2xx' --top 50
  smart-router report summary --since 24h --fail-if 'cost_usd > 500' --fail-if 'error_percent > 5'`
}

export async function run(argv: readonly string[]): Promise<number> {
  const options = readArguments(argv, {
    texts: [
      ...OPTIONS.filter(({ value, isList }) => value !== undefined && isList !== true).map(({ name }) => name),
      ...Object.keys(WHERE_ALIASES),
    ],
    lists: OPTIONS.filter(({ isList }) => isList === true).map(({ name }) => name),
    flags: ["verify", "traffic-tuning-advisor", "json"],
    positionals: 1,
  })
  if (options.flag("help")) {
    print(help())
    return EXIT.ok
  }
  const wanted = sectionsOf(options)
  const format = formatOf(options)
  if (format === "csv" && wanted.length > 1)
    throw new UsageError("A CSV file holds one table. Name a section: smart-router report usage --format csv")
  if (options.text("table") !== undefined && format !== "csv")
    throw new UsageError("The option --table goes with --format csv.")
  const alarms = options.list("fail-if").map(alarmOf)
  const source = await reportSource(options)
  if (source === null) return EXIT.failed
  try {
    return await reported({ options, wanted, format, alarms }, source)
  } catch (error) {
    if (error instanceof ReportRefused) throw new UsageError(`${optionOf(error.path)}${error.message}`)
    if (!(error instanceof ReportUnavailable)) throw error
    printError(error.message)
    return EXIT.failed
  } finally {
    await source.thread.close()
  }
}

/** The option that a part of a question came from, for a sentence. */
function optionOf(path: string): string {
  const [name = ""] = /^[a-z]+/.exec(path) ?? []
  return OPTIONS.some((option) => option.name === name) ? `--${name}: ` : ""
}

function sectionsOf(options: Arguments): readonly SectionDefinition[] {
  const named = options.flag("traffic-tuning-advisor") ? ["advisor", ...options.positionals] : options.positionals
  const [name, more] = named
  if (more !== undefined && more !== name) throw new UsageError("Name one section.")
  if (name === undefined) return SECTIONS.filter(({ id }) => id !== "calls")
  const section = sectionNamed(name)
  if (section !== undefined) return [section]
  const ids = SECTIONS.map(({ id }) => id)
  const meant = nearest(name, ids)
  throw new UsageError(
    `There is no section ${JSON.stringify(name)}. ${meant === undefined ? `There are ${ids.join(", ")}.` : `Did you mean ${meant}?`}`,
  )
}

interface Job {
  readonly options: Arguments
  readonly wanted: readonly SectionDefinition[]
  readonly format: Format
  readonly alarms: readonly Alarm[]
}

const TOP = { whole: 10, section: 25 } as const

async function reported({ options, wanted, format, alarms }: Job, source: ReportSource): Promise<number> {
  const nowMs = systemClock.now()
  const top = format === "csv" || format === "json" ? MOST_GROUPS : wanted.length > 1 ? TOP.whole : TOP.section
  const asked = askedBy(options, { nowMs, top, baselines: source.baselines })
  if (options.flag("verify")) return await verifyReport(source.thread, asked)
  const [first, ...others] = wanted
  if (asked.by.length > 0 && others.length === 0 && first?.takesBy === false)
    throw new UsageError(`The section ${first.id} is not told apart by dimensions; --where filters it.`)
  const sources = source.sources(nowMs)
  const sections = await built(wanted, asked, sources)
  const text = renderReport(sections, asked, format, options.text("table"))
  const out = options.text("out")
  if (out === undefined) process.stdout.write(text)
  else if (!written(out, text)) return EXIT.failed
  const cut = sections.flatMap(({ tables }) => tables).filter(({ restOf }) => restOf > 0)
  if (format === "csv" && cut.length > 0)
    printError(`The last row sums up ${cut[0]?.restOf ?? 0} groups that are not told apart.`)
  return await watch(alarms, asked, sources)
}

function written(out: string, text: string): boolean {
  try {
    writeReport(out, text)
    return true
  } catch (error) {
    printError(`${out} cannot be written: ${error instanceof Error ? error.message : String(error)}.`)
    return false
  }
}

const QUIET_MS = 1000

/** One after the other, so that a bar can tell how far it is. */
async function built(wanted: readonly SectionDefinition[], asked: Asked, sources: Sources): Promise<Section[]> {
  const progress = new Progress()
  const sections: Section[] = []
  let isSlow = false
  const show = (): void => {
    if (isSlow) progress.show(sections.length / wanted.length, wanted[sections.length]?.title ?? "")
  }
  const timer = setTimeout(() => {
    isSlow = true
    show()
  }, QUIET_MS)
  try {
    for (const definition of wanted) {
      sections.push(await buildSection(definition, asked, sources))
      show()
    }
    return sections
  } finally {
    clearTimeout(timer)
    progress.end()
  }
}

async function watch(alarms: readonly Alarm[], asked: Asked, sources: Sources): Promise<number> {
  const all = await watchCells(alarms, asked, sources)
  for (const { alarm, is, shown } of all) {
    if (is === "past") printError(`${alarm.text}: it is ${shown}.`)
    if (is === "undetermined") printError(`${alarm.text}: ${alarm.figure} has no value in this range.`)
  }
  return all.some(({ is }) => is === "past") ? EXIT.alarm : EXIT.ok
}
