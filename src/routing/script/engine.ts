/**
 * QuickJS, metered: compiled once per process, an instance of its own for each script. No instance shares anything with
 * another, and none has more of the world than what is handed to it.
 */
import { readFileSync } from "node:fs"
import quickJs from "@jitl/quickjs-wasmfile-release-sync"
import wasmFile from "@jitl/quickjs-wasmfile-release-sync/wasm" with { type: "file" }
import { newQuickJSWASMModuleFromVariant, newVariant, type QuickJSWASMModule } from "quickjs-emscripten-core"
import { metered } from "./meter.ts"

/** Thrown through the engine when its time is over: what it leaves behind must not be used again. */
export class Stopped extends Error {
  constructor() {
    super("the time of the script is over")
    this.name = "Stopped"
  }
}

type Imports = Readonly<Record<string, Readonly<Record<string, unknown>> | undefined>>

interface Compiled {
  readonly module: WebAssembly.Module
  readonly clock: string
}

let compiled: Compiled | null = null

const PAGE_BYTES = 65_536
const FIRST_PAGES = 256

/** @param tick called every few microseconds while the instance computes; throws `Stopped` to end it */
export function newEngine(memoryBytes: number, tick: () => void): Promise<QuickJSWASMModule> {
  compiled ??= compile()
  const { module, clock } = compiled
  const instantiate = (imports: Imports, use: (instance: WebAssembly.Instance) => void): unknown => {
    const environment = imports["a"]
    if (environment === undefined) throw new Error("the script engine is not of the expected form")
    const now = environment[clock] as () => number
    const ticking = (): number => {
      tick()
      return now()
    }
    const metering = { ...environment, [clock]: ticking } as Record<string, () => number>
    const instance = new WebAssembly.Instance(module, { a: metering })
    use(instance)
    return instance.exports
  }
  // the engine itself needs some megabytes beside what the script may have
  const maximum = FIRST_PAGES + Math.ceil(memoryBytes / PAGE_BYTES)
  const variant = newVariant(quickJs, {
    wasmMemory: new WebAssembly.Memory({ initial: FIRST_PAGES, maximum: Math.max(maximum, FIRST_PAGES) }),
    emscriptenModule: { instantiateWasm: instantiate },
  })
  return newQuickJSWASMModuleFromVariant(variant)
}

function compile(): Compiled {
  const { bytes, clock } = metered(readFileSync(wasmFile))
  return { module: new WebAssembly.Module(bytes), clock }
}
