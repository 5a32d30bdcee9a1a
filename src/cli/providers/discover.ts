/** `smart-router providers discover`: proposes entries of a catalogue from what an upstream lists. */
import { resolve } from "node:path"
import { lineDiff } from "../../catalogue/line-diff.ts"
import type { ListedModel, ModelList } from "../../catalogue/model-list.ts"
import { fits, propose, type Proposal } from "../../catalogue/proposal.ts"
import { applyEdits, type Edit } from "../../config/edit/edit.ts"
import { yamlText } from "../../config/edit/nodes.ts"
import { mapping } from "../../config/read/outline.ts"
import type { Target } from "../../config/snapshot.ts"
import { WIRES } from "../../dialects/wires.ts"
import { REASONS } from "../../reasons.ts"
import { discover, type Discovered } from "../../server/discover.ts"
import { systemClock } from "../../system/clock.ts"
import { EXIT, print, readArguments, UsageError, type Arguments } from "../command.ts"
import { configPath } from "../loaded.ts"
import { routerAnswerText, type RouterAnswer } from "../running-router.ts"
import { changeConfig, ChangeRefused, exitCodeOf, readConfigText, rootOf } from "../token/config-file.ts"
import { targetOf } from "./one-provider.ts"
import { pricingOf } from "./price-file.ts"

const HELP = `Read the list of models of an upstream, and propose entries of the catalogue as a diff of the configuration.
Nothing becomes active by it: only the targets of groups are.

Usage: smart-router providers discover NAME [--config FILE] [--model PATTERN]… [--prices FILE [--prices-of VENDOR]]
                                            [--group GROUP] [--write] [--json]

Arguments:
  NAME                 the entry under providers: whose upstream is asked

Options:
  --config FILE        the configuration; config.yaml in this folder by default
  --model PATTERN      only models whose id fits, such as 'gpt-5*'; may be given several times
  --prices FILE        a copy of a public price list on this machine, for prices and limits: LiteLLM's
                       model_prices_and_context_window.json, models.dev's api.json, or OpenRouter's api/v1/models
  --prices-of VENDOR   the vendor in that list; by default the one that the host of the provider is known for
  --group GROUP        also propose the models as targets of this group, with --model. The group must have
                       activation: required, so that validate decides; it is made where it is missing
  --write              write what is proposed into the configuration; its comments stay
  --json               for machines
  -h, --help           show this

The forms of OpenAI, Anthropic, vLLM, SGLang, llama.cpp, Ollama and OpenRouter are known. Entries that are there get the
limits that they lack and the prices that changed; what lists say otherwise about the rest is told, and not written.

Exit codes: 0 done, 1 the upstream or the configuration does not allow it (nothing is written), 2 wrong arguments,
            3 written, but the running router did not take it.

Examples:
  smart-router providers discover local
  smart-router providers discover openai --model 'gpt-5*' --prices model_prices.json
  smart-router providers discover local --model qwen3 --group default --write`

export async function run(argv: readonly string[]): Promise<number> {
  const options = readArguments(argv, {
    texts: ["config", "prices", "prices-of", "group"],
    lists: ["model"],
    flags: ["write", "json"],
    positionals: 1,
  })
  if (options.flag("help")) {
    print(HELP)
    return EXIT.ok
  }
  const [name] = options.positionals
  if (name === undefined) throw new UsageError("Name the provider, as it stands under providers:.")
  const patterns = options.list("model")
  if (options.text("group") !== undefined && patterns.length === 0)
    throw new UsageError("--group needs --model: a group gets the models that are named.")
  if (options.text("prices-of") !== undefined && options.text("prices") === undefined)
    throw new UsageError("--prices-of needs --prices.")
  return await proposed(name, patterns, options)
}

async function proposed(name: string, patterns: readonly string[], options: Arguments): Promise<number> {
  const file = resolve(configPath(options.text("config")))
  const text = readConfigText(file)
  const { target, connections, engine } = targetOf(file, text, name)
  const prices = options.text("prices")
  const pricing =
    prices === undefined ? null : pricingOf(prices, { host: target.origin.hostname, vendor: options.text("prices-of") })
  const wanted = (id: string): boolean => patterns.length === 0 || patterns.some((pattern) => fits(pattern, id))
  const list = listIn(await discover(target, { connections, engine, clock: systemClock, wanted }), name)
  const models = list.models.filter(({ id }) => wanted(id) && !isSecret(id, target))
  const today = new Date().toISOString().slice(0, 10)
  const editsFor = (before: string): Told => {
    const entries = entriesIn(before, name)
    const proposal = propose(models, {
      provider: name,
      entries,
      words: WIRES[target.dialect],
      pricedAs: pricing?.pricedAs ?? (() => null),
      sources: {
        upstream: { name: `the list of models of ${name}`.slice(0, LONGEST_NAME), date: today },
        priceList: pricing?.source ?? NO_SOURCE,
      },
    })
    const group = options.text("group")
    const edits = [...proposal.edits, ...(group === undefined ? [] : groupEdits(group, name, models, proposal, before))]
    const ids = new Set(list.models.map(({ id }) => id))
    const isWhole = list.leftOut === 0 && list.refused === 0 && !list.hasMore
    const gone = Object.entries(entries).flatMap(([ref, { model }]) => (ids.has(String(model)) ? [] : [ref]))
    return { proposal, edits, gone: isWhole ? gone : [] }
  }
  const told = editsFor(text)
  const after = applyEdits(text, told.edits)
  if (after === null)
    throw new ChangeRefused(
      `${file} is written in a form that cannot be edited safely (anchors, or mappings in an unusual place). Change the part under providers.${name} by hand.`,
    )
  const diff = lineDiff(text, after)
  const isWritten = options.flag("write") && diff !== ""
  const answer = isWritten ? await changeConfig(file, (before) => editsFor(before.text).edits) : null
  const said = { file, name, list, matching: models.length, told, diff, answer }
  print(options.flag("json") ? json(said) : pretty(said, options.flag("write")))
  return answer === null ? EXIT.ok : exitCodeOf(answer)
}

const LONGEST_NAME = 200
const NO_SOURCE = { name: "", date: "" }

interface Told {
  readonly proposal: Proposal
  readonly edits: readonly Edit[]
  /** Entries whose models the list does not have. */
  readonly gone: readonly string[]
}

/** @throws ChangeRefused */
function listIn(discovered: Discovered, name: string): ModelList {
  if (discovered.is === "list") return discovered.list
  const more = "smart-router check --live says what to write instead, where a target names the provider."
  if (discovered.is === "no-list")
    throw new ChangeRefused(
      `The upstream of ${name} answers ${discovered.status}, and what comes is no list of models: base_url may be wrong. ${more}`,
    )
  const { reason, status } = discovered
  const answered = status === null ? "" : `, status ${status}`
  throw new ChangeRefused(
    `The upstream of ${name} gives no list of models (${reason}${answered}): ${REASONS[reason]}. ${more}`,
  )
}

/** An upstream that knows a key could have it written into a file by it. */
function isSecret(id: string, { provider }: Target): boolean {
  return id.search(provider.secrets) >= 0
}

function entriesIn(text: string, name: string): Readonly<Record<string, Readonly<Record<string, unknown>>>> {
  const entries = Object.entries(mapping(mapping(mapping(rootOf(text)["providers"])[name])["models"]))
  return Object.fromEntries(entries.map(([ref, entry]) => [ref, mapping(entry)]))
}

/** Only a group whose targets have to prove themselves gets some. @throws ChangeRefused */
function groupEdits(
  group: string,
  provider: string,
  models: readonly ListedModel[],
  { refs }: Proposal,
  text: string,
): readonly Edit[] {
  const found = mapping(rootOf(text)["models"])[group]
  const { targets, activation } = mapping(found)
  const used = new Set(
    (Array.isArray(targets) ? (targets as readonly unknown[]) : []).flatMap((target) => {
      const said = mapping(target)
      return said["provider"] === provider ? [said["model_ref"], said["model"]] : []
    }),
  )
  const news = models.flatMap(({ id }) => {
    const ref = refs.get(id)
    return ref === undefined || used.has(ref) || used.has(id) ? [] : [ref]
  })
  if (news.length === 0) return []
  const entryOf = (ref: string) => [["provider", yamlText(provider)] as const, ["model_ref", yamlText(ref)] as const]
  if (found === undefined) {
    const listed = news.map(
      (ref) =>
        `{ ${entryOf(ref)
          .map(([key, yaml]) => `${key}: ${yaml}`)
          .join(", ")} }`,
    )
    const pairs = [
      ["strategy", "failover"],
      ["activation", "required"],
      ["targets", `[${listed.join(", ")}]`],
    ] as const
    return [{ path: ["models"], entries: [[group, pairs]] }]
  }
  if ((mapping(activation)["mode"] ?? activation) !== "required")
    throw new ChangeRefused(
      `The group ${group} has not activation: required, so that the models would serve calls before they are validated.`,
    )
  return news.map((ref) => ({ path: ["models", group, "targets"], entry: entryOf(ref) }))
}

interface Said {
  readonly file: string
  readonly name: string
  readonly list: ModelList
  /** Models that the patterns leave. */
  readonly matching: number
  readonly told: Told
  readonly diff: string
  /** Null: nothing was written. */
  readonly answer: RouterAnswer | null
}

function json({ file, name, list, matching, told, diff, answer }: Said): string {
  const { proposal, gone } = told
  return JSON.stringify(
    {
      provider: name,
      listed: list.models.length,
      matching,
      added: proposal.added.map(([ref]) => ref),
      changed: proposal.changed.map(({ ref, pairs }) => ({ ref, keys: pairs.map(([key]) => key) })),
      differing: proposal.differing,
      gone,
      other_models: proposal.otherModels,
      refused_names: list.refused,
      left_out: list.leftOut,
      has_more: list.hasMore,
      file,
      diff,
      written: answer !== null,
      running_router: answer?.is ?? null,
    },
    null,
    2,
  )
}

function pretty({ file, name, list, matching, told, diff, answer }: Said, write: boolean): string {
  const { added, changed, differing, otherModels } = told.proposal
  const of = matching === list.models.length ? "" : `, ${matching} of them as named`
  const notes = [
    `${name} lists ${list.models.length} models${of}: ${added.length} are new, ${changed.length} entries change.`,
    ...(otherModels > 0 ? [`${otherModels} are left out, because they do not answer in text.`] : []),
    ...(list.refused > 0
      ? [`${list.refused} are left out, because their ids have characters that ids do not have.`]
      : []),
    ...(list.leftOut > 0 || list.hasMore ? ["The list goes on: models behind its first part are left out."] : []),
    ...differing.map(
      ({ ref, key, listed }) => `${ref}: the list says ${key}: ${listed}; the entry keeps what it says.`,
    ),
    ...(told.gone.length > 0 ? [`No longer listed: ${told.gone.join(", ")}.`] : []),
  ]
  if (diff === "") return [...notes, "", "There is nothing to change."].join("\n")
  const end =
    answer !== null
      ? `${file} is written. ${routerAnswerText(answer)}`
      : write
        ? "Nothing is written."
        : "Nothing is written: --write writes it. Check what it says first; nothing becomes active by it."
  return [...notes, "", `--- ${file}`, `+++ ${file}`, diff, "", end].join("\n")
}
