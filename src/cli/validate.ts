/** `smart-router validate`: asks the real upstreams what the configuration says of them. */
import { writeFileSync } from "node:fs"
import { CAPABILITIES, isCapability, type Capability } from "../activation/capabilities.ts"
import { nearest } from "../nearest.ts"
import type { DialectName } from "../dialects/name.ts"
import { DIALECT_NAMES } from "../dialects/wires.ts"
import { NANO_PER_USD } from "../validation/purse.ts"
import { SHARED_COLOURS, squaresPng } from "../validation/squares.ts"
import { type Arguments, EXIT, print, printError, readArguments, UsageError } from "./command.ts"
import { givenEnvironment } from "./environment.ts"
import { configPath } from "./loaded.ts"
import { chosenTargets } from "./validate/chosen.ts"
import { loadedWhole } from "./validate/loaded.ts"
import { runValidation, type ValidationOrder } from "./validate/run.ts"
import { validationJson, validationText } from "./validate/output.ts"

const DEFAULT_MAX_USD = 1

const HELP = `Ask the real upstreams what the configuration says of them, directly and through the router. Results are recorded.

Usage: smart-router validate [--config FILE] [--group NAME] [--target N] [--capability NAME]... [options]
       smart-router validate --write-image FILE

Without --group: all groups. Each target is asked directly, then through a router that serves the group by it alone.
Nothing of what is asked or answered is kept: records hold results, counters, times and request ids.

Options:
  --config FILE      the configuration; config.yaml in this folder by default
  --group NAME       only this model group
  --target N         only the group's target of this place, counted from 1; goes with --group
  --capability NAME  only this capability, whatever is declared of it; may be given several times:
                     ${CAPABILITIES.slice(0, 8).join(", ")},
                     ${CAPABILITIES.slice(8).join(", ")}
  --undeclared       ask also for what the configuration says nothing of
  --deep             ask also with very long requests: the whole context window
  --direct           ask the upstreams alone, through no router
  --client DIALECT   through the router only as a client of this dialect; may be given several times. By default every
                     dialect that the group serves: ${DIALECT_NAMES.join(", ")}
  --url URL          ask this running router instead of an embedded one; its group must have one target
  --token TOKEN      with --url: a caller's token; by default that of SMART_ROUTER_TOKEN
  --image-url URL    where upstreams can load the picture that --write-image writes
  --max-usd USD      ask nothing that may cost more than what is left of this; ${DEFAULT_MAX_USD} by default, for targets with
                     prices. Given by hand it also keeps targets without prices from being asked. 0: no bound
  --no-record        record nothing
  --json             for machines
  -h, --help         show this

Exit codes: 0 everything that was asked passes; 1 something does not, or is not decided; 2 wrong arguments;
130 interrupted, with what was proven until then recorded.

Examples:
  smart-router validate --config router/config.yaml
  smart-router validate --group fast --target 1 --capability tools --capability image
  smart-router validate --group fast --max-usd 0.05 --json | jq '.targets[].checks[] | select(.outcome == "fail")'`

export async function run(argv: readonly string[]): Promise<number> {
  const options = readArguments(argv, {
    texts: ["config", "group", "target", "url", "token", "image-url", "max-usd", "write-image"],
    lists: ["capability", "client"],
    flags: ["json", "undeclared", "deep", "direct", "no-record"],
  })
  if (options.flag("help")) {
    print(HELP)
    return EXIT.ok
  }
  const image = options.text("write-image")
  if (image !== undefined) {
    writeFileSync(image, squaresPng(SHARED_COLOURS))
    print(`Written: ${image}. Put it where the upstreams can load it, and name its address by --image-url.`)
    return EXIT.ok
  }
  const path = configPath(options.text("config"))
  const order = orderOf(options)
  const loaded = await loadedWhole(path, givenEnvironment())
  if (loaded === null) return EXIT.failed
  const chosen = chosenTargets(loaded.snapshot.groups, options)
  if (chosen.length === 0) {
    printError("There is no target to ask.")
    return EXIT.failed
  }
  if (order.door !== null && chosen.some(({ group }) => group.targets.length > 1))
    throw new UsageError(
      "A running router cannot be pinned to one of several targets: leave --url out, or name a group with one target.",
    )
  const report = await runValidation({ ...order, chosen, loaded, path, env: givenEnvironment() })
  print(options.flag("json") ? validationJson(report) : validationText(report))
  if (!report.isWhole) return EXIT.interrupted
  return report.isOk ? EXIT.ok : EXIT.failed
}

function orderOf(options: Arguments): ValidationOrder {
  const url = options.text("url")
  const token = options.text("token") ?? (url === undefined ? undefined : givenEnvironment()["SMART_ROUTER_TOKEN"])
  if (url === undefined && token !== undefined) throw new UsageError("The option --token goes with --url.")
  if (url !== undefined && token === undefined)
    throw new UsageError("The option --url needs a token: --token, or SMART_ROUTER_TOKEN.")
  if (url !== undefined && !URL.canParse(url))
    throw new UsageError("The option --url needs an address, for example http://127.0.0.1:8080.")
  if (url !== undefined && options.flag("direct")) throw new UsageError("Give either --url or --direct.")
  const max = options.text("max-usd")
  return {
    only: capabilitiesOf(options.list("capability")),
    asksUndeclared: options.flag("undeclared"),
    isDeep: options.flag("deep"),
    imageUrl: options.text("image-url") ?? null,
    door: url === undefined ? null : { url, token: token ?? "" },
    throughRouter: !options.flag("direct"),
    clients: clientsOf(options.list("client")),
    mostNanoUsd: max === undefined ? DEFAULT_MAX_USD * NANO_PER_USD : nanoUsdOf(max),
    isStrict: max !== undefined,
    isRecorded: !options.flag("no-record"),
  }
}

function nanoUsdOf(text: string): number | null {
  const usd = Number(text)
  if (!/^\d+(\.\d+)?$/.test(text) || !Number.isFinite(usd))
    throw new UsageError("The option --max-usd needs an amount, for example 0.50.")
  return usd === 0 ? null : Math.round(usd * NANO_PER_USD)
}

function clientsOf(named: readonly string[]): ReadonlySet<DialectName> | null {
  if (named.length === 0) return null
  return new Set(
    named.map((name) => {
      const known = DIALECT_NAMES.find((one) => one === name)
      if (known === undefined)
        throw new UsageError(`There is no dialect ${JSON.stringify(name)}: ${DIALECT_NAMES.join(", ")}.`)
      return known
    }),
  )
}

function capabilitiesOf(named: readonly string[]): ReadonlySet<Capability> | null {
  if (named.length === 0) return null
  return new Set(
    named.map((name) => {
      if (isCapability(name)) return name
      const meant = nearest(name, CAPABILITIES)
      throw new UsageError(
        `There is no capability ${JSON.stringify(name)}.${meant === undefined ? "" : ` Did you mean ${meant}?`}`,
      )
    }),
  )
}
