/**
 * `bun bench/meter.ts`: how far the tokens that are told from a stream's text are from those that vendors have reported,
 * over the recorded streams that stand beside the repository.
 */
import { DIALECTS } from "../src/dialects/registry.ts"
import type { DialectName } from "../src/dialects/name.ts"
import { metered, type Metered } from "../test/helpers/metered.ts"
import { allRecordingsOf } from "../test/helpers/recordings.ts"

const NAMES: readonly [Parameters<typeof allRecordingsOf>[0], DialectName][] = [
  ["chat", "openai-chat"],
  ["responses", "openai-responses"],
  ["messages", "anthropic"],
]
const isVerbose = process.argv.includes("--each")

for (const [folder, dialect] of NAMES) {
  const all = allRecordingsOf(folder).filter(({ sse }) => typeof sse === "string")
  const compared = all.flatMap((recording) => metered(recording, DIALECTS[dialect]) ?? [])
  if (isVerbose)
    for (const one of compared)
      console.log(
        `${one.isPlain ? " " : "*"} ${String(one.metered).padStart(6)} ${String(one.reported).padStart(6)}  ${one.name}`,
      )
  print(
    `${dialect}, plain text`,
    compared.filter(({ isPlain }) => isPlain),
  )
  print(`${dialect}, all`, compared)
}

function print(what: string, compared: readonly Metered[]): void {
  const sum = (of: "metered" | "reported"): number => compared.reduce((total, one) => total + one[of], 0)
  const error = (100 * (sum("metered") - sum("reported"))) / sum("reported")
  console.log(
    `${what}: ${compared.length} streams, metered ${sum("metered")}, reported ${sum("reported")}, error ${error.toFixed(1)} %`,
  )
}
