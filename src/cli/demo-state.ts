/** The folder of a demo: configuration, token, ledger and log, readable by their owner only. */
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { demoConfigText } from "../demo/config-text.ts"
import { beginSample, type SampleState, sampleStateAt } from "./demo-sample.ts"
import { NO_SAMPLE_CONFIG, sampleConfig } from "./demo-sample-config.ts"
import { isCode, OWNER_FILE } from "../system/owner-only.ts"

export interface DemoState {
  readonly configPath: string
  readonly logPath: string
  readonly databasePath: string
  /** The raw token: the demo alone keeps one. */
  readonly token: string
  /** Was there a demo in this folder already? */
  readonly reused: boolean
  /** Null: there is no sample data in this folder. */
  readonly sample: SampleState | null
}

const TOKEN_ID = "rtr_demo_demo_dev_k1"

export interface DemoFolder {
  readonly folder: string
  readonly listen: string
  /** A new folder gets sample data. */
  readonly withSample: boolean
  readonly nowMs: number
}

/** Makes what is missing and touches nothing that is there. `drawSecret` returns 32 random bytes. */
export function openDemoState(options: DemoFolder, drawSecret: () => Uint8Array): DemoState {
  const { folder, listen } = options
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const configPath = join(folder, "config.yaml")
  const tokenPath = join(folder, "token")
  const samplePath = join(folder, "sample.json")
  const reused = existsSync(configPath)
  if (!reused && options.withSample) beginSample(samplePath, options.nowMs)
  writeIfMissing(tokenPath, `${TOKEN_ID}_${Buffer.from(drawSecret()).toString("base64url")}\n`)
  chmodSync(tokenPath, OWNER_FILE)
  const token = readFileSync(tokenPath, "utf8").trim()
  const tokenSha256 = new Bun.CryptoHasher("sha256").update(token).digest("hex")
  const sample = sampleStateAt(samplePath)
  const others = sample === null ? NO_SAMPLE_CONFIG : sampleConfig(() => Buffer.from(drawSecret()).toString("hex"))
  writeIfMissing(configPath, demoConfigText({ tokenSha256, tokenId: TOKEN_ID, listen, ...others }))
  return {
    configPath,
    logPath: join(folder, "logs", "requests.jsonl"),
    databasePath: join(folder, "state", "usage.sqlite"),
    token,
    reused,
    sample,
  }
}

/** Does the configuration know the token? Not after someone replaced one of the two files. */
export function knowsToken({ configPath, token }: DemoState): boolean {
  const hash = new Bun.CryptoHasher("sha256").update(token).digest("hex")
  return readFileSync(configPath, "utf8").toLowerCase().includes(hash)
}

/** What the configuration takes from the environment, for the commands that read it beside a demo (check, explain, replay). */
export function writeDemoVariables(folder: string, variables: Readonly<Record<string, string>>): void {
  const path = join(folder, "env.json")
  const others: unknown = existsSync(path) ? JSON.parse(readFileSync(path, "utf8")) : {}
  writeFileSync(path, `${JSON.stringify({ ...(others as object), ...variables }, null, 2)}\n`, { mode: OWNER_FILE })
  chmodSync(path, OWNER_FILE)
}

function writeIfMissing(path: string, text: string): void {
  try {
    writeFileSync(path, text, { flag: "wx", mode: OWNER_FILE })
  } catch (error) {
    if (!isCode(error, "EEXIST")) throw error
  }
}
