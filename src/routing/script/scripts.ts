/** All scripts of a configuration: bundled and tried when it is loaded, each in a sandbox that is replaced when it breaks. */
import type { Group, StrategySettings, Target } from "../../config/snapshot.ts"
import type { ScriptSettings } from "../../config/policy-settings.ts"
import type { Clock } from "../../system/clock.ts"
import type { Log } from "../../system/log.ts"
import type { PolicyClient } from "../policy/http.ts"
import { targetFactsOf } from "../policy/target-facts.ts"
import type { CallFacts } from "../strategy.ts"
import { bundleScript, ScriptRefused } from "./bundle.ts"
import { sourceOf } from "./call-source.ts"
import { ScriptFault } from "./fault.ts"
import { Sandbox, type SandboxLimits } from "./sandbox.ts"
import type { Clocks } from "./time-limit.ts"

export interface ScriptTools {
  readonly client: PolicyClient
  /** By which scripts that are stopped too often are kept off. */
  readonly clock: Pick<Clock, "monotonicMs">
  /** What their computing time is measured with. */
  readonly clocks: Clocks
  readonly log: Log
}

/** So many runs that had to be stopped within this time keep a script off the processor for a while. Nobody waits for a shadow. */
const MOST_STOPS = { live: 3, shadow: 1 } as const
const STOPS_WITHIN_MS = 60_000
const BENCH_MS = 30_000
const WALL_MS = 5000
const LOG_EVERY_MS = 10_000

export class Scripts {
  private readonly tools: ScriptTools
  private readonly loaded = new WeakMap<ScriptSettings, Script>()

  constructor(tools: ScriptTools) {
    this.tools = tools
  }

  /**
   * Bundles and tries every script. Returns the files that they consist of.
   * @throws ScriptRefused with file, line and column
   */
  async prepare(groups: Iterable<Group>): Promise<readonly string[]> {
    const files: string[] = []
    for (const group of new Set(groups)) {
      for (const [mode, settings] of scriptsOf(group)) {
        const script = await Script.load(mode, group, settings, this.tools)
        this.loaded.set(settings, script)
        files.push(...script.files)
      }
    }
    return files
  }

  of({ script }: StrategySettings): Script {
    const found = script === null ? undefined : this.loaded.get(script)
    if (found === undefined) throw new Error("the script was not prepared")
    return found
  }
}

type Mode = keyof typeof MOST_STOPS

/** The group's own and its shadow's. */
function scriptsOf({ script, shadow }: Group): readonly (readonly [Mode, ScriptSettings])[] {
  const found = [
    ["live", script],
    ["shadow", shadow?.script ?? null],
  ] as const
  return found.flatMap(([mode, settings]) => (settings === null ? [] : [[mode, settings] as const]))
}

export class Script {
  readonly settings: ScriptSettings
  readonly files: readonly string[]
  private readonly code: string
  private readonly statics: string
  private readonly limits: SandboxLimits
  private readonly mode: Mode
  private readonly group: Group
  private readonly tools: ScriptTools
  private sandbox: Sandbox | null = null
  private making: Promise<Sandbox> | null = null
  private stops: number[] = []
  private benchedUntilMs = -Infinity
  private loggedMs = -Infinity

  private constructor(
    mode: Mode,
    group: Group,
    settings: ScriptSettings,
    code: string,
    files: readonly string[],
    tools: ScriptTools,
  ) {
    this.mode = mode
    this.group = group
    this.settings = settings
    this.code = code
    this.files = files
    this.tools = tools
    this.statics = JSON.stringify({
      group: group.name,
      contract: settings.contract ?? undefined,
      targets: group.targets.map((target) => targetFactsOf(target, true)),
    })
    this.limits = { deadlineMs: settings.deadlineMs, memoryBytes: settings.memoryBytes, wallMs: WALL_MS }
  }

  static async load(mode: Mode, group: Group, settings: ScriptSettings, tools: ScriptTools): Promise<Script> {
    try {
      const { code, files } = await bundleScript(settings.file)
      const script = new Script(mode, group, settings, code, files, tools)
      await script.usable()
      return script
    } catch (error) {
      const files = error instanceof ScriptRefused ? error.files : [settings.file]
      const where = `models.${group.name}.${mode === "shadow" ? "shadow." : ""}script`
      throw new ScriptRefused(`${where}: ${error instanceof Error ? error.message : String(error)}`, files)
    }
  }

  /** The same code in a sandbox of its own: nothing that it does is noticed here, and it knows nothing of earlier calls. */
  twin(log: Log): Script {
    return new Script(this.mode, this.group, this.settings, this.code, this.files, { ...this.tools, log })
  }

  /** The decision as JSON. @throws ScriptFault, also by rejection */
  run(eligible: readonly Target[], call: CallFacts): string | Promise<string> {
    if (this.tools.clock.monotonicMs() < this.benchedUntilMs) throw new ScriptFault("benched")
    const { sandbox } = this
    if (sandbox !== null && !sandbox.ruined) return this.decide(sandbox, eligible, call)
    return this.usable().then((fresh) => this.decide(fresh, eligible, call))
  }

  /** A call that waited while another one ruined the sandbox is decided again, once: it did nothing wrong. */
  private decide(
    sandbox: Sandbox,
    eligible: readonly Target[],
    call: CallFacts,
    mayBegin = true,
  ): string | Promise<string> {
    const source = sourceOf(eligible, call, this.settings.http, this.tools.client)
    try {
      const answer = sandbox.call(source)
      if (typeof answer === "string") return answer
      return answer.catch((error: unknown) => {
        if (!mayBegin || !(error instanceof ScriptFault) || error.kind !== "interrupted") return this.failed(error)
        return this.usable().then((fresh) => this.decide(fresh, eligible, call, false))
      })
    } catch (error) {
      return this.failed(error)
    }
  }

  private usable(): Promise<Sandbox> {
    if (this.sandbox !== null && !this.sandbox.ruined) return Promise.resolve(this.sandbox)
    this.making ??= Sandbox.create(this.code, this.statics, this.limits, this.tools.clocks)
      .then((sandbox) => (this.sandbox = sandbox))
      .finally(() => (this.making = null))
    return this.making
  }

  private failed(error: unknown): never {
    const nowMs = this.tools.clock.monotonicMs()
    if (
      error instanceof ScriptFault &&
      (error.kind === "deadline" || error.kind === "memory" || error.kind === "stack")
    ) {
      this.stops = [...this.stops.filter((at) => nowMs - at < STOPS_WITHIN_MS), nowMs]
      if (this.stops.length >= MOST_STOPS[this.mode]) {
        this.stops = []
        this.benchedUntilMs = nowMs + BENCH_MS
        this.tools.log.error("a routing script was stopped too often and is not run for a while", {
          group: this.group.name,
          seconds: BENCH_MS / 1000,
        })
      }
    }
    if (nowMs - this.loggedMs > LOG_EVERY_MS) {
      this.loggedMs = nowMs
      const reason = error instanceof Error ? error.message : "unknown"
      this.tools.log.warn("a routing script failed", { group: this.group.name, reason })
    }
    throw error
  }
}
