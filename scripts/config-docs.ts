/** docs/configuration.md, written from the schema. */
import type { z } from "zod"
import { MAX_CALLERS_BYTES } from "../src/config/read/callers-file.ts"
import { MOST_INLINE_CALLERS } from "../src/config/load.ts"
import { MAX_FILE_BYTES } from "../src/config/read/sources.ts"
import { LONGEST_TEXT, MAX_ALIASED_VALUES, MAX_DEPTH, MAX_VALUES } from "../src/config/read/walk.ts"
import { bare, formOf, type Form } from "../src/config/schema/inspect.ts"
import { type DescribedBlock, type DescribedBlocks, describedBlocks, keyPath } from "../src/config/schema/described.ts"
import { groupOf, GROUPS } from "./config-guide.ts"
import type { Facts } from "../src/config/schema/field.ts"

const INTRODUCTION = `# Configuration

<!-- Generated from src/config/schema/config-schema.ts and scripts/config-guide.ts by \`npm run docs\`. -->

One YAML file holds everything but secrets:

\`\`\`sh
smart-router init my-router      # writes a file to start from
smart-router check               # every problem of ./config.yaml, with its line
smart-router schema              # the JSON Schema, for editors
\`\`\`

Each group of keys below begins with an example. The router's own page (\`/docs/configuration\`) has an anchor for each key, such as
\`/docs/configuration#server.listen\`, and a search.

## How values are written

- **Variables.** \`\${NAME}\` anywhere in a text is replaced from the environment, then from \`env.json\` beside the file. That is a flat object of texts.
  \`$\${\` stands for \`\${\` itself.
- **Files.** \`\${file:/run/secrets/x}\` is replaced by the text of a file, which is read again at every reload.
- **Missing values.** A value that is missing or empty is an error where something active needs it, else a warning. Secrets are never printed.
- **Paths** are relative to the file.
- **Durations** are written \`500ms\`, \`30s\`, \`15m\`, \`24h\` or \`31d\`. Keys that end in \`_ms\` take milliseconds.
- **Zero.** \`0\` means "no limit" for every limit, rate and quota.
- **YAML.** Anchors, aliases and \`<<\` merges work.
- **Bounds.** The file may have ${LONGEST_TEXT >> 20} MiB and ${MOST_INLINE_CALLERS.toLocaleString("en-US")} callers. It may hold ${MAX_VALUES.toLocaleString("en-US")} values (keys are none), of them
  ${MAX_ALIASED_VALUES.toLocaleString("en-US")} through aliases, nested ${MAX_DEPTH} levels deep. Every file that it names may have ${MAX_FILE_BYTES >> 20} MiB, a callers file ${MAX_CALLERS_BYTES >> 20} MiB.

## When it counts

- The whole file is validated before anything starts. Every problem is reported with line and column. An unknown key is an error.
- A reload (\`SIGHUP\`, or a changed file where \`server.watch_config\` is on) is taken whole or refused whole. Calls in flight finish on what they
  started with.
- \`server.listen\`, \`server.usage_db\`, \`server.state\`, \`server.workers\` and \`server.logging\` need a restart.
- Keys marked **not active yet** are accepted and validated, but nothing acts on them so far. \`check\` names them where they are used.

## A callers file

A callers file holds callers beside \`callers:\`, or in place of it. Each line is one JSON object with the keys of [\`callers[]\`](#callers).

\`\`\`yaml
callers_file: callers.jsonl
\`\`\`

\`\`\`json
{"id":"app-1","owner_user":"me","project":"lab","environment":"prod","token_sha256":"5e88…","token_id":"rtr_me_lab_prod_k1","allow":["fast"]}
\`\`\`

- Empty lines count for nothing. References \`\${…}\` are not filled in. A line may have 64 KiB. A fault is named with the number of its line.
- No id and no token may stand twice, be it in one file or in both.
- \`smart-router token\` works on both. \`token create --write\` adds to the callers file where there is one.
- A program should write another file beside it and rename that. A running router refuses a file that lost callers by being written in place, because a file
  that is not whole yet looks like this.
- Where a file can only be written in place, a caller keeps its line and gets \`"status":"removed"\`.
`

/** Groups with an example, and in them a heading and a table for every block. */
export function configDocs(root: z.ZodType): string {
  const described = describedBlocks(root)
  const groups = GROUPS.map((group) => {
    const sections = described.blocks.filter(({ heading }) => groupOf(heading) === group)
    const tables = sections.map((section) => sectionText(section, described)).join("\n")
    return `## ${group.title}\n\n${group.text}\n\n\`\`\`yaml\n${group.example}\`\`\`\n\n${tables}`
  })
  return [INTRODUCTION, ...groups].join("\n")
}

function sectionText({ heading, schema }: DescribedBlock, described: DescribedBlocks): string {
  const form = formOf(schema)
  if (form.is !== "block") throw new Error(`${heading} is not a block`)
  const rows = Object.entries(form.shape).map(([key, value]) => rowText(key, value, heading, described))
  const { facts } = bare(schema)
  const isFirst = groupOf(heading).blocks.includes(heading)
  const title = heading === "The file" ? heading : `\`${heading}\``
  return [
    `${isFirst ? "###" : "####"} ${title}\n`,
    `${facts.text}${stateOf(facts)}\n`,
    "| key | value | default | what it does |",
    "|---|---|---|---|",
    ...rows,
    "",
  ].join("\n")
}

function rowText(key: string, schema: z.ZodType, parent: string, described: DescribedBlocks): string {
  const { facts } = bare(schema)
  const unit = facts.unit === undefined ? "" : ` Unit: ${facts.unit}.`
  const cells = [
    `\`${key}\``,
    valueText(schema, keyPath(parent, key), described),
    fallbackText(schema),
    `${facts.text}${unit}${stateOf(facts)}`,
  ]
  return `| ${cells.map((cell) => cell.replaceAll("|", "\\|").replaceAll("\n", " ")).join(" | ")} |`
}

function valueText(schema: z.ZodType, path: string, described: DescribedBlocks): string {
  const form = formOf(schema)
  if (form.is === "block") {
    const heading = described.headingOf(schema, path)
    const link = `[\`${heading}\`](#${anchor(heading)})`
    const { words } = bare(schema).facts
    return words === undefined ? link : `${words.map((word) => `\`${word}\``).join(", ")}, or ${link}`
  }
  if (form.is === "list") return `list of ${valueText(form.item, `${path}[]`, described)}`
  if (form.is === "table") return `mapping of ${valueText(form.value, `${path}.<name>`, described)}`
  return leafText(form, bare(schema).facts)
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
