/** `smart-router catalog`: what is declared of targets, what is proven, what calls show, and what to declare. */
import { resolve } from "node:path"
import { declarationsOf, type Declaration } from "../catalogue/declare.ts"
import { lineDiff } from "../catalogue/line-diff.ts"
import { applyEdits } from "../config/edit/edit.ts"
import { buildSection } from "../reports/build.ts"
import { MOST_GROUPS, ReportRefused, ReportUnavailable } from "../reports/query.ts"
import { sectionJson } from "../reports/section-json.ts"
import { CATALOG } from "../reports/sections/catalog.ts"
import { knownTargets, placeText } from "../reports/sections/catalog-capabilities.ts"
import { systemClock } from "../system/clock.ts"
import { EXIT, print, printError, readArguments, UsageError, type Arguments } from "./command.ts"
import { configPath } from "./loaded.ts"
import { askedBy } from "./report/asked.ts"
import { renderReport } from "./report/output.ts"
import { reportSource, type ReportSource } from "./report/source.ts"
import { routerAnswerText, type RouterAnswer } from "./running-router.ts"
import { changeConfig, ChangeRefused, exitCodeOf, readConfigText } from "./token/config-file.ts"

const HELP = `Say what the configuration declares of its targets, what is proven of them, what calls show, and what to declare.

Usage: smart-router catalog [--config FILE] [--since 7d] [--where RULES]… [--json] [--write]

Options:
  --config FILE  the configuration; config.yaml in this folder by default
  --since TIME   calls of this time back are looked at; 7d by default
  --where RULES  only calls for which these hold, such as group=fast
  --top N        so many rows of a table; all by default
  --json         for machines
  --write        write what to declare into the configuration; its comments stay
  -h, --help     show this

What is to be declared is shown as a diff. It follows from records of checks that hold (smart-router validate), and where
there is none from 20 calls or more of which 95 in 100 ended without an error. A list of tools is written only when all
its words are known: a word that is left out of it is a no. What is declared otherwise has to be proven anew in groups with
activation: run validate afterwards.

Exit codes: 0 said, 1 the configuration or its database cannot be read, or the change is refused (nothing is written),
            2 wrong arguments, 3 written, but the running router did not take it.

Examples:
  smart-router catalog
  smart-router catalog --since 30d --write`

export async function run(argv: readonly string[]): Promise<number> {
  const options = readArguments(argv, {
    texts: ["config", "since", "top"],
    lists: ["where"],
    flags: ["json", "write"],
  })
  if (options.flag("help")) {
    print(HELP)
    return EXIT.ok
  }
  const file = resolve(configPath(options.text("config")))
  const source = await reportSource(options)
  if (source === null) return EXIT.failed
  try {
    return await told(file, options, source)
  } catch (error) {
    if (error instanceof ReportRefused) throw new UsageError(error.message)
    if (!(error instanceof ReportUnavailable) && !(error instanceof ChangeRefused)) throw error
    printError(error.message)
    return EXIT.failed
  } finally {
    await source.thread.close()
  }
}

async function told(file: string, options: Arguments, source: ReportSource): Promise<number> {
  const nowMs = systemClock.now()
  const asked = askedBy(options, { nowMs, top: MOST_GROUPS, baselines: [] })
  const sources = source.sources(nowMs)
  const section = await buildSection(CATALOG, asked, sources)
  const declarations = declarationsOf(await knownTargets(asked, sources, (await sources.catalog?.()) ?? []))
  const text = readConfigText(file)
  const after = applyEdits(text, declarations)
  if (after === null && options.flag("write")) throw new ChangeRefused(unsafeText(file, declarations))
  const diff = after === null ? null : lineDiff(text, after)
  const answer = options.flag("write") && declarations.length > 0 ? await changeConfig(file, () => declarations) : null
  if (options.flag("json")) {
    const patch = declarations.map(({ path, key, yaml, because }) => ({ place: placeText(path), key, yaml, because }))
    const said = { ...sectionJson(section, asked), declarations: patch, file, diff, written: answer !== null }
    print(JSON.stringify({ ...said, running_router: answer?.is ?? null }, null, 2))
  } else {
    process.stdout.write(renderReport([section], asked, process.stdout.isTTY ? "table" : "md", undefined))
    print(endText(file, declarations, diff, answer))
  }
  return answer === null ? EXIT.ok : exitCodeOf(answer)
}

function endText(
  file: string,
  declarations: readonly Declaration[],
  diff: string | null,
  answer: RouterAnswer | null,
): string {
  if (declarations.length === 0) return "There is nothing to declare."
  if (diff === null) return unsafeText(file, declarations)
  const end =
    answer === null ? "Nothing is written: --write writes it." : `${file} is written. ${routerAnswerText(answer)}`
  return `--- ${file}\n+++ ${file}\n${diff}\n\n${end}\n${ANEW}`
}

const ANEW =
  "What is declared otherwise has to be proven anew in groups with activation: smart-router validate checks it."

function unsafeText(file: string, declarations: readonly Declaration[]): string {
  const lines = declarations.map(({ path, key, yaml }) => `  ${placeText(path)}.${key}: ${yaml}`)
  return `${file} is written in a form that cannot be edited safely. Change it by hand:\n${lines.join("\n")}`
}
