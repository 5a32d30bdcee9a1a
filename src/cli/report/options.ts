/** The options of `smart-router report`, once for its arguments, its help and its documentation. */

export interface ReportOption {
  readonly name: string
  /** What stands for its value; absent: it takes none. */
  readonly value?: string
  readonly about: string
  /** May be given several times. */
  readonly isList?: boolean
}

export const SOURCE_OPTIONS: readonly ReportOption[] = [
  {
    name: "config",
    value: "FILE",
    about: "the configuration whose usage database is read; config.yaml in this folder by default",
  },
  { name: "db", value: "FILE", about: "a SQLite usage database, without a configuration" },
  {
    name: "dsn",
    value: "URL",
    about: "a PostgreSQL usage database, without a configuration; other users see arguments, so prefer --config",
  },
]

export const QUESTION_OPTIONS: readonly ReportOption[] = [
  { name: "since", value: "TIME", about: "the range that ends now: 90m, 24h, 7d (the default), 4w" },
  { name: "from", value: "TIME", about: "where the range begins: a date in the time zone, or 2026-11-30T14:00:00Z" },
  { name: "to", value: "TIME", about: "where it ends, which is not part of it; now by default" },
  { name: "tz", value: "ZONE", about: "the time zone of days and hours, as Europe/Berlin; UTC by default" },
  { name: "by", value: "NAMES", about: "one to three dimensions to tell calls apart by: project,model" },
  {
    name: "where",
    value: "RULES",
    about: "only calls for which these hold: group=fast,provider!=alpha,latency_ms>=2000",
    isList: true,
  },
  {
    name: "top",
    value: "N",
    about: "so many rows of a table; 10 by default, 25 of one section, all (1000) as csv and json",
  },
  { name: "sort", value: "ORDER", about: "of calls: newest (the default), oldest, cost or latency" },
  { name: "after", value: "PLACE", about: "of calls: goes on where the report before ended" },
  { name: "near", value: "PERCENT", about: "of limits: only those that are used to so many percent or more" },
]

export const BASELINE_OPTIONS: readonly ReportOption[] = [
  { name: "baseline", value: "ID", about: "only this one of server.admin_reports.baselines" },
  { name: "baseline-input-price-per-million-usd", value: "USD", about: "or a price of your own, of input" },
  { name: "baseline-output-price-per-million-usd", value: "USD", about: "and of output" },
  { name: "baseline-name", value: "NAME", about: "what your own price is called" },
  { name: "baseline-id", value: "ID", about: "the id of your own price; alone the same as --baseline" },
  { name: "baseline-version", value: "TEXT", about: "the version of your own price" },
]

export const OUTPUT_OPTIONS: readonly ReportOption[] = [
  { name: "format", value: "FORMAT", about: "table (on a terminal), md (elsewhere), csv or json" },
  { name: "json", about: "the same as --format json" },
  { name: "table", value: "ID", about: "for csv: which table of the section; its first one by default" },
  { name: "out", value: "FILE", about: "write there instead of printing; the file appears when it is complete" },
  {
    name: "fail-if",
    value: "RULE",
    about: "exit with 4 where a figure is past a bound: 'cost_usd > 500'",
    isList: true,
  },
  { name: "verify", about: "recount the range from the rows and say where the figures differ" },
]

/** Short for `where`, under the names of other tools. */
export const WHERE_ALIASES: Readonly<Record<string, string>> = {
  "token-id": "token=",
  "token-id-prefix": "token^=",
  "caller-user": "user=",
  "caller-project": "project=",
  "caller-environment": "environment=",
  "resolved-group": "group=",
  client: "client=",
  provider: "provider=",
}

/** Lines of a help text. */
export function optionLines(options: readonly ReportOption[]): string {
  const names = options.map(({ name, value }) => `--${name}${value === undefined ? "" : ` ${value}`}`)
  const width = Math.min(15, Math.max(...names.map((name) => name.length)))
  return options
    .map(({ about }, index) => {
      const name = names[index] ?? ""
      const gap = name.length > width ? `\n${" ".repeat(width + 4)}` : " ".repeat(width - name.length + 2)
      return `  ${name}${gap}${about}`
    })
    .join("\n")
}
