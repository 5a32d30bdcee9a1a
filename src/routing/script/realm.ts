/** The JavaScript inside a sandbox: the prelude and the script, and the only way to call them. */
import type { QuickJSContext, QuickJSHandle, QuickJSRuntime, QuickJSWASMModule } from "quickjs-emscripten-core"
import { ScriptFault } from "./fault.ts"
import { PRELUDE } from "./prelude.ts"
import type { TimeLimit } from "./time-limit.ts"

const STACK_BYTES = 262_144

export interface RealmParts {
  readonly engine: QuickJSWASMModule
  readonly memoryBytes: number
  readonly time: TimeLimit
  /** Body of a function with the parameters `expose` and `router`. */
  readonly code: string
  /** What is the same for every call, as JSON. */
  readonly statics: string
  /** The one function that the prelude can call. */
  readonly host: (handles: readonly QuickJSHandle[]) => QuickJSHandle
}

/** What the prelude answers to. */
type Question = "start" | "resume" | "forget" | "probe"

export class Realm {
  readonly context: QuickJSContext
  private readonly runtime: QuickJSRuntime
  private readonly time: TimeLimit
  private readonly entry: QuickJSHandle
  private readonly questions = new Map<Question, QuickJSHandle>()

  constructor({ engine, memoryBytes, time, code, statics, host }: RealmParts) {
    this.time = time
    this.runtime = engine.newRuntime()
    this.runtime.setMemoryLimit(memoryBytes)
    this.runtime.setMaxStackSize(STACK_BYTES)
    this.runtime.setInterruptHandler(() => time.shallEnd())
    this.context = this.runtime.newContext()
    const { context } = this
    const evaluate = context.unwrapResult(
      context.evalCode(`(function (expose, router) { "use strict";\n${code}\n})`, "script.js"),
    )
    const prelude = context.unwrapResult(context.evalCode(PRELUDE, "prelude.js"))
    const served = context.newFunction("host", (...handles) => host(handles))
    this.entry = context.unwrapResult(
      context.callFunction(prelude, context.undefined, served, context.newString(statics), evaluate),
    )
  }

  /** The prelude's answer. @throws ScriptFault for what a script cannot catch */
  ask(question: Question, ...values: readonly (string | number)[]): string {
    const { context } = this
    const handles = values.map((value) =>
      typeof value === "string" ? context.newString(value) : context.newNumber(value),
    )
    const result = context.callFunction(this.entry, context.undefined, this.handleOf(question), ...handles)
    for (const handle of handles) handle.dispose()
    if (result.error !== undefined) {
      result.error.dispose()
      throw new ScriptFault(this.time.interrupted ? "deadline" : "memory")
    }
    const answer = context.getString(result.value)
    result.value.dispose()
    return answer
  }

  /** Microtasks that wait for their turn. */
  get hasJobs(): boolean {
    return this.runtime.hasPendingJob()
  }

  /** Until none is left. @throws ScriptFault */
  runJobs(): void {
    if (!this.hasJobs) return
    const done = this.runtime.executePendingJobs()
    if (done.error !== undefined) done.error.dispose()
    if (this.time.interrupted) throw new ScriptFault("deadline")
    if (done.error !== undefined) throw new ScriptFault("memory")
  }

  private handleOf(question: Question): QuickJSHandle {
    const known = this.questions.get(question)
    if (known !== undefined) return known
    const handle = this.context.newString(question)
    this.questions.set(question, handle)
    return handle
  }
}
