/** docs/dialects.md, written from the goldens and the list of losses. */
import { readFileSync } from "node:fs"
import { isObject, parseExact, type JsonValue } from "../src/canonical/json.ts"
import { LOSSES } from "../src/canonical/loss.ts"
import type { Dialect } from "../src/canonical/origin.ts"
import { knownTargetDocs } from "./known-target-docs.ts"
import { DIALECTS, goldenCases, type GoldenCase } from "../test/goldens/cases.ts"

const NAMES: Readonly<Record<Dialect, string>> = { chat: "Chat", responses: "Responses", messages: "Messages" }

const INTRODUCTION = `# Dialects

<!-- Generated from src/canonical/loss.ts, src/config/compile/known-targets.ts and test/goldens by \`npm run docs\`. -->

The router speaks three dialects with clients and with upstreams: OpenAI Chat Completions, OpenAI Responses and Anthropic
Messages. Where client and upstream speak the same one, the bytes pass. Where they do not, the call is translated, and
what cannot be carried is declared:

- in the header \`X-Router-Losses\`, each code once. A stream's header can name only what its request lost;
- in the usage database, each place with its code;
- by \`translation\` of the model group: \`off\` never translates, \`warn\` translates and declares, \`enforce\` takes no target
  that would lose something of the request.

A wish for what happens anyway, and a mapping that can be undone (names, ids, wrapped free text, sealed reasoning), are
no losses. What state at a provider would need (a previous response, a conversation, a thread, background work) is not
lost but refused with \`stateful-unsupported\`. Reasoning travels sealed through clients of other dialects and goes back
to nobody but its issuer.

The \`phase\` of a Responses message (commentary, final answer) stays within its dialect, and is the loss
[\`reply-field\`](#losses) elsewhere. Texts of the other dialects have no field in which an opaque value would come back;
only reasoning has one, and reasoning that nobody thought would break the order that vendors check.

The tables show what becomes of test cases that are kept in \`test/goldens\`, with a target that can do what its dialect
usually can; one that can do less, by its \`models\` entry, loses more. "All": no loss is declared for the case. "The
rest": what is named is lost or reduced as its code says, and nothing else. The places are those of the canonical form.
`

/** Many places of one code are one place with a number. */
const MAX_PLACES = 4

export function dialectDocs(): string {
  const cases = goldenCases()
  const pairs = DIALECTS.flatMap((client) =>
    DIALECTS.filter((target) => target !== client).map((target) => pairDocs(cases, client, target)),
  )
  return [INTRODUCTION, ...pairs, lossDocs(cases), knownTargetDocs()].join("\n")
}

function pairDocs(cases: readonly GoldenCase[], client: Dialect, target: Dialect): string {
  const requests = cases.filter(({ kind, from, to }) => kind === "requests" && from === client && to === target)
  const replies = cases.filter(({ kind, from, to }) => kind === "replies" && from === target && to === client)
  return [
    `## ${NAMES[client]} client, ${NAMES[target]} upstream`,
    "",
    ...table("The request holds", requests),
    "",
    ...table("The answer holds", replies),
    "",
  ].join("\n")
}

function table(title: string, cases: readonly GoldenCase[]): readonly string[] {
  const lossless = cases.filter((one) => lossesOf(one).length === 0)
  const lossy = cases.filter((one) => lossesOf(one).length > 0)
  return [
    `| ${title} | survives | lost, and where |`,
    "|---|---|---|",
    ...lossless.map(({ holds }) => `| ${holds} | all | |`),
    ...lossy.map((one) => `| ${one.holds} | the rest | ${lostText(one)} |`),
  ]
}

function lostText(one: GoldenCase): string {
  const places = new Map<string, string[]>()
  for (const { code, path } of lossesOf(one)) places.set(code, [...(places.get(code) ?? []), path])
  return [...places]
    .map(([code, paths]) => {
      const more = paths.length > MAX_PLACES ? `, and ${paths.length - MAX_PLACES} more` : ""
      const shown = paths.slice(0, MAX_PLACES).map((path) => `\`${path}\``)
      return `[\`${code}\`](#losses): ${shown.join(", ")}${more}`
    })
    .join("; ")
}

function lossDocs(cases: readonly GoldenCase[]): string {
  const rows = Object.entries(LOSSES).map(([code, sentence]) => {
    const pairs = cases
      .filter((one) => lossesOf(one).some((loss) => loss.code === code))
      .map(({ kind, from, to }) => (kind === "requests" ? [from, to] : [to, from]))
      .map(([client = "chat", target = "chat"]) => `${NAMES[client]} → ${NAMES[target]}`)
    return `| \`${code}\` | ${sentence} | ${[...new Set(pairs)].join(", ")} |`
  })
  return [
    "## Losses",
    "",
    "The closed list of codes. The last column names the pairs (client → upstream) in whose cases above a code occurs;",
    "the others need a target that can do less, or something rarer.",
    "",
    "| code | what it says | seen in |",
    "|---|---|---|",
    ...rows,
    "",
  ].join("\n")
}

interface Place {
  readonly code: string
  readonly path: string
}

const read = new Map<string, readonly Place[]>()

/** As the golden has them. */
function lossesOf({ path }: GoldenCase): readonly Place[] {
  const known = read.get(path)
  if (known !== undefined) return known
  const golden = parseExact(readFileSync(path, "utf8"))
  const losses = isObject(golden) && Array.isArray(golden["losses"]) ? golden["losses"].flatMap(placeOf) : []
  read.set(path, losses)
  return losses
}

function placeOf(loss: JsonValue): readonly Place[] {
  if (!isObject(loss)) return []
  const { code, path } = loss
  return typeof code === "string" && typeof path === "string" ? [{ code, path }] : []
}
