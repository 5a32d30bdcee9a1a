/** A router whose group `default` is decided by a script, in front of two far ends. */
import { writeFileSync } from "node:fs"
import path from "node:path"
import type { Config } from "./config.ts"
import { targetsOf } from "./config.ts"
import { FakeUpstream } from "./fake-upstream.ts"
import { startGateway, type Gateway } from "./gateway.ts"
import { vendorAnswer } from "./vendor.ts"

export interface Scripted extends AsyncDisposable {
  readonly gateway: Gateway
  readonly first: FakeUpstream
  readonly second: FakeUpstream
  /** Which far end served a call with this text: `first`, `second`, or both in a row. */
  servedBy(marker: string): readonly string[]
}

type Block = Record<string, unknown>

/** `script`: its source. `group`: further keys of the group. */
export async function startScripted(script: string, group: Block = {}): Promise<Scripted> {
  return startWith((directory) => {
    writeFileSync(path.join(directory, "route.ts"), script)
    return { strategy: "script", script: "route.ts", ...group }
  })
}

/** What a group of `startScripts` is decided by: a script's source, with further keys of the group. */
export interface ScriptedGroup extends Block {
  readonly source: string
}

/** One router with a group for each name, and `plain`: a start costs more than a hundred calls. */
export function startScripts(groups: Readonly<Record<string, ScriptedGroup | string>>): Promise<Scripted> {
  return startWith(
    () => ({ strategy: "failover" }),
    (config, directory) => {
      const targets = config.models["default"]?.["targets"]
      for (const [index, [name, given]] of Object.entries(groups).entries()) {
        const { source, ...block } = typeof given === "string" ? { source: given } : given
        writeFileSync(path.join(directory, `${index}.ts`), source)
        config.models[name] = { strategy: "script", script: `${index}.ts`, ...block, targets }
      }
      config.callers[0] = { ...config.callers[0], allow: ["default", "plain", ...Object.keys(groups)] }
    },
  )
}

/** What the call's trace says of the policy: its class label, or why it failed. */
export function policyReason({ gateway }: Scripted, requestId: string): string {
  const event = gateway.records.trace(requestId).find((row) => row.event === "policy_execution")
  return String(event?.reason)
}

export async function startWith(
  group: (directory: string) => Block,
  more: (config: Config, directory: string) => void = () => {},
): Promise<Scripted> {
  const first = (await FakeUpstream.start()).otherwise(vendorAnswer("first"))
  const second = (await FakeUpstream.start()).otherwise(vendorAnswer("second"))
  const gateway = await startGateway({
    upstreams: { first, second },
    configure: (config, directory) => {
      config.models["default"] = { ...group(directory), targets: targetsOf(["first", "second"]) }
      config.models["plain"] = { strategy: "failover", targets: targetsOf(["first"]) }
      config.callers[0] = { ...config.callers[0], allow: ["default", "plain"] }
      more(config, directory)
    },
  })
  const names = [
    ["first", first],
    ["second", second],
  ] as const
  return {
    gateway,
    first,
    second,
    servedBy: (marker) => names.filter(([, upstream]) => upstream.received(marker).length > 0).map(([name]) => name),
    [Symbol.asyncDispose]: async () => {
      await gateway[Symbol.asyncDispose]()
      await Promise.all([first.stop(), second.stop()])
    },
  }
}
