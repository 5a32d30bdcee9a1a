/** What the command line of `bench/run` asks for. */
import { parseArgs } from "node:util"

export const HELP = `Usage: bench/run [options]

Measures the router against nginx (proxy_pass) and the Portkey gateway on the same work in the same run, prints a table
and writes bench/results.md. Takes about eight minutes.

Options
  --work LIST       comma-separated: small, agent, streams, latency (all of them)
  --rounds N        rounds in which the servers take turns; figures are medians over them (7)
  --seconds N       length of one server's turn with unary calls (3)
  --binary          measure dist/smart-router instead of bin/smart-router
  --against COMMIT  beside it the router of that commit, checked out into bench/.run: what changes since then did
  --without-portkey leave the Portkey gateway out (it is installed from npm into bench/.run on first use)
  --assert          end with 1 when a bar is missed or was not measured
  --no-results      leave bench/results.md alone
  -h, --help        this text

Needs wrk, nginx and gcc (Debian: apt-get install wrk nginx-light gcc), two cores, and npm for the Portkey gateway.
`

export const WORKS = ["small", "agent", "streams", "latency"] as const
export type Work = (typeof WORKS)[number]

export interface Options {
  readonly works: readonly Work[]
  readonly rounds: number
  readonly seconds: number
  readonly binary: boolean
  /** Null: no earlier router takes part. */
  readonly against: string | null
  readonly portkey: boolean
  readonly assert: boolean
  readonly writeResults: boolean
  readonly help: boolean
}

/** @throws Error when the arguments make no sense */
export function readOptions(argv: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      work: { type: "string", default: WORKS.join(",") },
      rounds: { type: "string", default: "7" },
      seconds: { type: "string", default: "3" },
      binary: { type: "boolean", default: false },
      against: { type: "string" },
      "without-portkey": { type: "boolean", default: false },
      assert: { type: "boolean", default: false },
      "no-results": { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  })
  return {
    works: values.work.split(",").map(asWork),
    rounds: asCount("rounds", values.rounds),
    seconds: asCount("seconds", values.seconds),
    binary: values.binary,
    against: values.against ?? null,
    portkey: !values["without-portkey"],
    assert: values.assert,
    writeResults: !values["no-results"],
    help: values.help,
  }
}

function asWork(text: string): Work {
  const work = WORKS.find((known) => known === text)
  if (work === undefined) throw new Error(`--work: "${text}" is not one of ${WORKS.join(", ")}`)
  return work
}

function asCount(name: string, text: string): number {
  const count = Number(text)
  if (!Number.isInteger(count) || count < 1) throw new Error(`--${name} takes a whole number from 1`)
  return count
}
