/** docs/configuration.md, written from the schema. */
import type { z } from "zod"
import { MAX_CALLERS_BYTES } from "../src/config/read/callers-file.ts"
import { MOST_INLINE_CALLERS } from "../src/config/load.ts"
import { MAX_FILE_BYTES } from "../src/config/read/sources.ts"
import { LONGEST_TEXT, MAX_ALIASED_VALUES, MAX_DEPTH, MAX_VALUES } from "../src/config/read/walk.ts"
import { bare, formOf, type Form } from "../src/config/schema/inspect.ts"
import type { Facts } from "../src/config/schema/field.ts"

const INTRODUCTION = `# Configuration

<!-- Generated from src/config/schema/config-schema.ts by \`npm run docs\`. -->

One YAML file holds everything but secrets. \`smart-router init\` writes one to start from, \`smart-router check\` says what is wrong with one,
\`smart-router schema\` prints its JSON Schema for editors.

- \`\${NAME}\` anywhere in a text is replaced from the environment, then from \`env.json\` beside the file (a flat object of texts; the environment wins).
  \`\${file:/run/secrets/x}\` is replaced by the text of a file, which is read again at every reload. \`$\${\` stands for \`\${\` itself.
  A value that is missing or empty is an error where something active needs it, else a warning. Secrets are never printed.
- Paths are relative to the file. Durations are written \`500ms\`, \`30s\`, \`15m\`, \`24h\`, \`31d\`; keys that end in \`_ms\` take milliseconds.
- \`0\` means "no limit" for every limit, rate and quota.
- The whole file is validated before anything starts, and every problem is reported with line and column. An unknown key is an error.
- A reload (\`SIGHUP\`, or a changed file where \`server.watch_config\` is on) is taken whole or refused whole; calls in flight finish on what they
  started with. \`server.listen\`, \`server.usage_db\`, \`server.state\`, \`server.workers\` and \`server.logging\` need a restart.
- Keys marked **not active yet** are accepted and validated, but nothing acts on them so far; \`check\` names them where they are used.
- YAML anchors, aliases and \`<<\` merges work.
- The file may have ${LONGEST_TEXT >> 20} MiB and ${MOST_INLINE_CALLERS.toLocaleString("en-US")} callers. It may hold ${MAX_VALUES.toLocaleString("en-US")} values (keys are none), of them
  ${MAX_ALIASED_VALUES.toLocaleString("en-US")} through aliases, nested ${MAX_DEPTH} levels deep. Every file that it names may have ${MAX_FILE_BYTES >> 20} MiB, a callers file ${MAX_CALLERS_BYTES >> 20} MiB.

**A callers file** holds callers beside \`callers:\`, or in place of it: one JSON object with the keys of [\`callers[]\`](#callers) on each line.

\`\`\`yaml
callers_file: callers.jsonl
\`\`\`

\`\`\`json
{"id":"app-1","owner_user":"me","project":"lab","environment":"prod","token_sha256":"5e88…","token_id":"rtr_me_lab_prod_k1","allow":["fast"]}
\`\`\`

- Empty lines count for nothing. References \`\${…}\` are not filled in. A line may have 64 KiB. A fault is named with the number of its line.
- No id and no token may stand twice, be it in one file or in both.
- \`smart-router token\` works on both; \`token create --write\` adds to the callers file where there is one.
- A program should write another file beside it and rename that. A running router refuses a file that lost callers by being written in place: a file
  that is not whole yet looks like this. Where a file can only be written in place, a caller keeps its line and gets \`"status":"removed"\`.
`

interface Section {
  readonly heading: string
  readonly schema: z.ZodType
}

/** A heading and a table for every block of the schema; a block that stands in several places is described at the first. */
export function configDocs(root: z.ZodType): string {
  const described = new Map<string, string>()
  const parts = [INTRODUCTION]
  const queue: Section[] = [{ heading: "The file", schema: root }]
  for (let section = queue.shift(); section !== undefined; section = queue.shift()) {
    parts.push(sectionText(section, described, queue))
  }
  return parts.join("\n")
}

function sectionText({ heading, schema }: Section, described: Map<string, string>, queue: Section[]): string {
  const form = formOf(schema)
  if (form.is !== "block") throw new Error(`${heading} is not a block`)
  const inner: Section[] = []
  const rows = Object.entries(form.shape).map(([key, value]) => rowText(key, value, heading, described, inner))
  queue.unshift(...inner)
  const { facts } = bare(schema)
  const level = heading === "The file" || !/[.[]/.test(heading) ? "##" : "###"
  const title = heading === "The file" ? heading : `\`${heading}\``
  return [
    `${level} ${title}\n`,
    `${facts.text}${stateOf(facts)}\n`,
    "| key | value | default | what it does |",
    "|---|---|---|---|",
    ...rows,
    "",
  ].join("\n")
}

function rowText(
  key: string,
  schema: z.ZodType,
  parent: string,
  described: Map<string, string>,
  inner: Section[],
): string {
  const { facts } = bare(schema)
  const path = parent === "The file" ? key : `${parent}.${key}`
  const unit = facts.unit === undefined ? "" : ` Unit: ${facts.unit}.`
  const cells = [
    `\`${key}\``,
    valueText(schema, path, described, inner),
    fallbackText(schema),
    `${facts.text}${unit}${stateOf(facts)}`,
  ]
  return `| ${cells.map((cell) => cell.replaceAll("|", "\\|").replaceAll("\n", " ")).join(" | ")} |`
}

function valueText(schema: z.ZodType, path: string, described: Map<string, string>, inner: Section[]): string {
  const form = formOf(schema)
  const { words } = bare(schema).facts
  if (form.is === "block" && words !== undefined)
    return `${words.map((word) => `\`${word}\``).join(", ")}, or ${link(schema, path, described, inner)}`
  if (form.is === "block") return link(schema, path, described, inner)
  if (form.is === "list") return `list of ${elementText(form.item, `${path}[]`, described, inner)}`
  if (form.is === "table") return `mapping of ${elementText(form.value, `${path}.<name>`, described, inner)}`
  return leafText(form, bare(schema).facts)
}

function elementText(schema: z.ZodType, path: string, described: Map<string, string>, inner: Section[]): string {
  return formOf(schema).is === "block"
    ? link(schema, path, described, inner)
    : valueText(schema, path, described, inner)
}

function link(schema: z.ZodType, path: string, described: Map<string, string>, inner: Section[]): string {
  const name = bare(schema).facts.name ?? path
  const heading = described.get(name) ?? path
  if (!described.has(name)) {
    described.set(name, path)
    inner.push({ heading: path, schema })
  }
  return `[\`${heading}\`](#${anchor(heading)})`
}

function leafText(form: Form, facts: Facts): string {
  if (form.is === "choice") return form.values.map((value) => `\`${value}\``).join(", ")
  return facts.expects ?? form.is
}

function fallbackText(schema: z.ZodType): string {
  const { facts, optional, fallback } = bare(schema)
  if (facts.resolved !== undefined) return facts.resolved
  if (!optional) return "**required**"
  if (fallback === undefined) return "none"
  if (formOf(schema).is === "block" && typeof fallback !== "string") return "as below"
  return `\`${typeof fallback === "string" ? fallback || '""' : JSON.stringify(fallback)}\``
}

function stateOf({ pending, pendingValues }: Facts): string {
  if (pending === true) return " **Not active yet.**"
  return pendingValues === undefined
    ? ""
    : ` **Not active yet:** ${pendingValues.map((value) => `\`${String(value)}\``).join(", ")}.`
}

/** The anchor that GitHub gives a heading. */
function anchor(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^a-z0-9_ -]/g, "")
    .replaceAll(" ", "-")
}
