/** `smart-router activation`: records of what is proven, moved from one installation to another. */
import { readFileSync, statSync, writeFileSync } from "node:fs"
import { gatedGroups } from "../activation/proven.ts"
import type { ActivationRecord } from "../activation/record.ts"
import { MOST_FILE_BYTES, newKey, recordsIn, signedFile, SignedFileRefused } from "../activation/signed-file.ts"
import { type ActivationRecords, openActivationRecords } from "../activation/store.ts"
import type { Config } from "../config/config.ts"
import type { Group } from "../config/snapshot.ts"
import { usageAddress } from "../server/retention.ts"
import { systemClock } from "../system/clock.ts"
import { silentLog } from "../system/log.ts"
import { OWNER_FILE } from "../system/owner-only.ts"
import { type Arguments, EXIT, print, printError, readArguments, UsageError } from "./command.ts"
import { configPath, loadOrReport, type Loaded } from "./loaded.ts"

const HELP = `Move records of what is proven of targets from one installation to another, signed.

Usage: smart-router activation key|export|import [FILE] [options]

Actions:
  key            makes an Ed25519 key; needs --out. The private key goes to a file that only its owner can read, the public
                 key is printed
  export         writes the newest records that smart-router validate has made here, signed; needs --key
  import FILE    takes the records of a file whose signer a group of the configuration names in activation.trust

Options:
  --key FILE     the private key, in PEM
  --out FILE     the file to write; standard output by default
  --group GROUP  only records of this group, and those that hold for all groups
  --config FILE  the configuration; config.yaml in this folder by default
  --json         for machines
  -h, --help     show this

A record counts where provider, address, model, dialect, key_id and declared capabilities are the same in both configurations.

Exit codes: 0 done, 1 the file, the key or the usage database cannot be used, 2 wrong arguments.

Examples:
  smart-router activation key --out staging.pem
  smart-router activation export --config staging.yaml --key staging.pem --out records.json
  smart-router activation import records.json --config production.yaml`

const ACTIONS: Readonly<Record<string, (options: Arguments) => Promise<number>>> = {
  key: makeKey,
  export: exportRecords,
  import: importRecords,
}

export async function run(argv: readonly string[]): Promise<number> {
  const options = readArguments(argv, { texts: ["config", "group", "key", "out"], flags: ["json"], positionals: 2 })
  if (options.flag("help")) {
    print(HELP)
    return EXIT.ok
  }
  const [name = "", second] = options.positionals
  const action = Object.hasOwn(ACTIONS, name) ? ACTIONS[name] : undefined
  if (action === undefined) throw new UsageError("Say what to do: smart-router activation key, export or import.")
  if (second !== undefined && name !== "import")
    throw new UsageError(`The argument ${JSON.stringify(second)} is one too many.`)
  try {
    return await action(options)
  } catch (error) {
    if (!(error instanceof Error) || error instanceof UsageError) throw error
    printError(error.message)
    return EXIT.failed
  }
}

function makeKey(options: Arguments): Promise<number> {
  const out = options.text("out")
  if (out === undefined) throw new UsageError("Name the file of the private key: --out FILE.")
  const { privatePem, publicName } = newKey()
  writeFileSync(out, privatePem, { mode: OWNER_FILE, flag: "wx" })
  print(publicName)
  printError(
    `The private key is in ${out}. Name the public key above in activation.trust of the groups that may import.`,
  )
  return Promise.resolve(EXIT.ok)
}

async function exportRecords(options: Arguments): Promise<number> {
  const keyFile = options.text("key")
  if (keyFile === undefined)
    throw new UsageError("Name the private key: --key FILE. smart-router activation key makes one.")
  const loaded = await loadOrReport(configPath(options.text("config")))
  if (loaded === null) return EXIT.failed
  const group = groupNamed(options.text("group"), loaded)
  const records = await withRecords(loaded.config, (all) => all.newest())
  const wanted =
    group === null ? records : records.filter((record) => record.group === null || record.group === group.name)
  const text = signedFile(wanted, readFileSync(keyFile, "utf8"))
  const out = options.text("out")
  if (out === undefined) print(text.trimEnd())
  else writeFileSync(out, text, { mode: OWNER_FILE })
  return EXIT.ok
}

async function importRecords(options: Arguments): Promise<number> {
  const file = options.positionals[1]
  if (file === undefined) throw new UsageError("Name the file: smart-router activation import FILE.")
  const loaded = await loadOrReport(configPath(options.text("config")))
  if (loaded === null) return EXIT.failed
  if (statSync(file).size > MOST_FILE_BYTES)
    throw new SignedFileRefused(`The file has more than ${MOST_FILE_BYTES >> 20} MiB.`)
  const trusting = (signer: string): readonly Group[] =>
    gatedGroups(loaded.snapshot.groups.values()).filter(({ activation }) => activation?.trust.has(signer))
  const found = recordsIn(readFileSync(file, "utf8"), (signer) => trusting(signer).length > 0, systemClock.now())
  const wanted = found.filter((record) => trusting(record.signer ?? "").some((group) => isOf(record, group)))
  const added = await withRecords(loaded.config, async (all) => {
    const known = new Set((await all.newest()).map(identityOf))
    const fresh = wanted.filter((record) => !known.has(identityOf(record)))
    await all.write(fresh)
    return fresh.length
  })
  const told = { in_file: found.length, of_trusting_groups: wanted.length, added }
  print(
    options.flag("json")
      ? JSON.stringify(told)
      : `${told.added} records were added; ${wanted.length - added} were known, ${found.length - wanted.length} are of no group that trusts the signer.`,
  )
  return EXIT.ok
}

/** Records that count for the targets of the group, should they fit. */
function isOf({ provider, model, group }: ActivationRecord, { name, targets }: Group): boolean {
  if (group !== null && group !== name) return false
  return targets.some((target) => target.provider.name === provider && target.model === model)
}

function identityOf(record: ActivationRecord): string {
  const { provider, model, group, dialect, capability, fingerprint, signer = null, checkedAtMs } = record
  return JSON.stringify([provider, model, group, dialect, capability, fingerprint, signer, checkedAtMs])
}

async function withRecords<Result>(config: Config, work: (all: ActivationRecords) => Promise<Result>): Promise<Result> {
  const all = await openActivationRecords(usageAddress(config), { clock: systemClock, log: silentLog })
  try {
    return await work(all)
  } finally {
    await all.close()
  }
}

function groupNamed(name: string | undefined, { snapshot }: Loaded): Group | null {
  if (name === undefined) return null
  const group = snapshot.groups.get(name)
  if (group === undefined) throw new UsageError(`There is no model group ${JSON.stringify(name)}.`)
  return group
}
