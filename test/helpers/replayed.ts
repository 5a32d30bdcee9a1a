/** `smart-router replay` over the calls of a router that runs. */
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import type { ReplayReport } from "../../src/replay/replay.ts"
import { runHere, type Ended } from "./command-line.ts"
import type { Config } from "./config.ts"
import type { Gateway } from "./gateway.ts"

/** The path of the router's configuration with something changed. */
export async function changedConfig(gateway: Gateway, change: (config: Config) => void): Promise<string> {
  const path = join(gateway.directory, "new.yaml")
  const config = JSON.parse(await Bun.file(gateway.prepared.configPath).text()) as Config
  change(config)
  writeFileSync(path, JSON.stringify(config))
  return path
}

export async function replayWith(
  gateway: Gateway,
  change: (config: Config) => void,
  ...args: readonly string[]
): Promise<Ended> {
  const path = await changedConfig(gateway, change)
  return runHere(["replay", "--config", path, ...args], { env: gateway.prepared.env })
}

/** Throws where it says anything but the report. */
export async function reportWith(
  gateway: Gateway,
  change: (config: Config) => void,
  ...args: readonly string[]
): Promise<ReplayReport> {
  const { code, out, err } = await replayWith(gateway, change, ...args, "--json")
  if (code !== 0 || err !== "") throw new Error(`exit code ${code}: ${err}`)
  return JSON.parse(out) as ReplayReport
}
