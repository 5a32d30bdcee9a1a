/** All scripts of a configuration: bundled and tried when it is loaded, each in a sandbox that is replaced when it breaks. */
import type { Group, StrategySettings, Target } from "../../config/snapshot.ts"
import type { ScriptSettings } from "../../config/compile/policy-settings.ts"
import type { Clock } from "../../system/clock.ts"
import type { Log } from "../../system/log.ts"
import type { PolicyClient } from "../policy/http.ts"
import { targetFactsOf } from "../policy/target-facts.ts"
import type { CallFacts } from "../strategy.ts"
import { Bench, BENCH_SECONDS } from "./bench.ts"
import type { Bundled } from "./bundle/bundler.ts"
import { Bundles } from "./bundle/bundles.ts"
import { sourceOf } from "./call-source.ts"
import { ScriptFault } from "./fault.ts"
import { LargeReads } from "./large-reads.ts"
import { ScriptRefused } from "./refused.ts"
import { Sandbox, type SandboxLimits } from "./sandbox.ts"
import type { Clocks } from "./time-limit.ts"

export interface ScriptTools {
  readonly client: PolicyClient
  /** By which scripts that are stopped too often are kept off, and end that wait too long. */
  readonly clock: Pick<Clock, "monotonicMs" | "after" | "every">
  /** What their computing time is measured with. */
  readonly clocks: Clocks
  readonly log: Log
}

/** How many stops keep a script off the processor for a while. Nobody waits for a shadow, and only people ask. */
const MOST_STOPS: Readonly<Record<Mode, number>> = { live: 3, shadow: 1, asked: Infinity }
const WALL_MS = 5000
const LOG_EVERY_MS = 10_000

export class Scripts {
  private readonly tools: ScriptTools
  private readonly bundles: Bundles
  private readonly loaded = new WeakMap<ScriptSettings, Script>()

  constructor(tools: ScriptTools) {
    this.tools = tools
    this.bundles = new Bundles(tools.clock)
  }

  /**
   * Bundles and tries every script. Returns the files that they consist of.
   * @throws ScriptRefused with file, line and column
   */
  async prepare(groups: Iterable<Group>): Promise<readonly string[]> {
    const all = [...new Set(groups)]
    const bundles = await this.bundle(all)
    const files: string[] = []
    for (const group of all) {
      for (const [mode, settings] of scriptsOf(group)) {
        const script = await Script.load(mode, group, settings, bundles.get(settings.file), this.tools)
        this.loaded.set(settings, script)
        files.push(...script.files)
      }
    }
    return files
  }

  /** Those that are not bundled yet, or whose files have changed, in one go. */
  bundle(groups: readonly Group[]): Promise<ReadonlyMap<string, Bundled>> {
    return this.bundles.of(groups.flatMap((group) => scriptsOf(group).map(([, { file }]) => file)))
  }

  of({ script }: StrategySettings): Script {
    const found = script === null ? undefined : this.loaded.get(script)
    if (found === undefined) throw new Error("the script was not prepared")
    return found
  }
}

interface Question {
  readonly eligible: readonly Target[]
  readonly call: CallFacts
  /** Null: the body is small. */
  readonly large: LargeReads | null
}

type Mode = "live" | "shadow" | "asked"

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
  private readonly group: Group
  private readonly tools: ScriptTools
  private sandbox: Sandbox | null = null
  private making: Promise<Sandbox> | null = null
  /** The one before, while calls still wait in it. */
  private left: WeakRef<Sandbox> | null = null
  private rehearsed: Script | null = null
  private readonly bench: Bench
  private loggedMs = -Infinity

  private constructor(
    mode: Mode,
    group: Group,
    settings: ScriptSettings,
    code: string,
    files: readonly string[],
    tools: ScriptTools,
  ) {
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
    this.bench = new Bench(MOST_STOPS[mode])
    this.limits = { deadlineMs: settings.deadlineMs, memoryBytes: settings.memoryBytes, wallMs: WALL_MS }
  }

  static async load(
    mode: Mode,
    group: Group,
    settings: ScriptSettings,
    bundle: Bundled | undefined,
    tools: ScriptTools,
  ): Promise<Script> {
    const { code = null, files = [settings.file], message = "it was not bundled" } = bundle ?? {}
    try {
      if (code === null) throw new Error(message)
      const script = new Script(mode, group, settings, code, files, tools)
      await script.usable()
      return script
    } catch (error) {
      const where = `models.${group.name}.${mode === "shadow" ? "shadow." : ""}script`
      throw new ScriptRefused(`${where}: ${error instanceof Error ? error.message : String(error)}`, files)
    }
  }

  /** The same code in a sandbox of its own, for questions: live calls notice nothing of what it does, and it is never benched. */
  forQuestions(log: Log): Script {
    const { group, settings, code, files, tools } = this
    return (this.rehearsed ??= new Script("asked", group, settings, code, files, { ...tools, log }))
  }

  /** The decision as JSON. @throws ScriptFault, also by rejection */
  run(eligible: readonly Target[], call: CallFacts): string | Promise<string> {
    if (this.bench.keepsOff(callerOf(call), this.tools.clock.monotonicMs())) throw new ScriptFault("benched")
    const { sandbox } = this
    const question: Question = { eligible, call, large: call.large === undefined ? null : new LargeReads(call.large) }
    if (sandbox !== null && !sandbox.ruined) return this.decide(sandbox, question)
    return this.usable().then((fresh) => this.decide(fresh, question))
  }

  private decide(sandbox: Sandbox, question: Question, mayBegin = true): string | Promise<string> {
    const { eligible, call, large } = question
    const failed = (error: unknown): Promise<string> => {
      if (large?.isLacking === true) return this.again(large, question, mayBegin)
      if (!mayBegin || !this.isOthersDoing(error, sandbox)) return this.failed(error, call)
      return this.usable().then((fresh) => this.decide(fresh, question, false))
    }
    const given = (answer: string): string | Promise<string> =>
      large?.isLacking === true ? this.again(large, question, mayBegin) : answer
    try {
      const answer = sandbox.call(sourceOf(eligible, call, this.settings.http, this.tools.client, large))
      return typeof answer === "string" ? given(answer) : answer.then(given, failed)
    } catch (error) {
      return failed(error)
    }
  }

  /** With what the run before asked for. */
  private async again(large: LargeReads, question: Question, mayBegin: boolean): Promise<string> {
    await large.read()
    return this.decide(await this.usable(), question, mayBegin)
  }

  /** A call that waited while another one ruined the sandbox, or that found it full, is decided again, once. */
  private isOthersDoing(error: unknown, sandbox: Sandbox): boolean {
    if (!(error instanceof ScriptFault)) return false
    return error.kind === "interrupted" || (error.kind === "too-large" && this.leaves(sandbox))
  }

  /** Calls that still wait in a full sandbox end there; never in more than one, so that the memory is bounded. */
  private leaves(sandbox: Sandbox): boolean {
    if (sandbox !== this.sandbox) return true
    if (this.left?.deref()?.isIdle === false || !sandbox.isCrowded()) return false
    this.left = new WeakRef(sandbox)
    this.sandbox = null
    return true
  }

  private usable(): Promise<Sandbox> {
    if (this.sandbox !== null && !this.sandbox.ruined) return Promise.resolve(this.sandbox)
    this.making ??= Sandbox.create(this.code, this.statics, this.limits, this.tools)
      .then((sandbox) => (this.sandbox = sandbox))
      .finally(() => (this.making = null))
    return this.making
  }

  private failed(error: unknown, call: CallFacts): never {
    const nowMs = this.tools.clock.monotonicMs()
    if (
      error instanceof ScriptFault &&
      (error.kind === "deadline" || error.kind === "memory" || error.kind === "stack")
    ) {
      this.bench.add(callerOf(call), call.body?.bytes.length ?? 0, nowMs)
      if (this.bench.keepsOff(callerOf(call), nowMs))
        this.tools.log.error("a routing script was stopped too often and is not run for a while", {
          group: this.group.name,
          caller: callerOf(call),
          seconds: BENCH_SECONDS,
        })
    }
    if (nowMs - this.loggedMs > LOG_EVERY_MS) {
      this.loggedMs = nowMs
      const reason = error instanceof Error ? error.message : "unknown"
      this.tools.log.warn("a routing script failed", { group: this.group.name, reason })
    }
    throw error
  }
}

/** The same for all calls that nobody is known to make. */
function callerOf({ caller }: CallFacts): string {
  return caller?.id ?? ""
}
