/**
 * QuickJS, metered: compiled once per process, an instance of its own for each script. No instance shares anything with
 * another, and none has more of the world than what is handed to it.
 */
import { readFileSync } from "node:fs"
import quickJs from "@jitl/quickjs-wasmfile-release-sync"
import wasmFile from "@jitl/quickjs-wasmfile-release-sync/wasm" with { type: "file" }
import {
  newQuickJSWASMModuleFromVariant,
  type QuickJSSyncVariant,
  type QuickJSWASMModule,
} from "quickjs-emscripten-core"
import { addMeter } from "./meter.ts"

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
  const memory = new WebAssembly.Memory({ initial: FIRST_PAGES, maximum: Math.max(maximum, FIRST_PAGES) })
  return newQuickJSWASMModuleFromVariant(variantIn(memory, instantiate))
}

/** The library writes texts into the engine's memory sign by sign; the host's own encoder is ten times as fast. */
function variantIn(memory: WebAssembly.Memory, instantiateWasm: Instantiate): QuickJSSyncVariant {
  return {
    ...quickJs,
    importModuleLoader: async () => {
      const load = (await quickJs.importModuleLoader()) as Load
      return async () => {
        const engine = await load({ wasmMemory: memory, instantiateWasm })
        engine.lengthBytesUTF8 = (text) => Buffer.byteLength(text)
        engine.stringToUTF8 = (text, pointer, maxBytes = 0) => {
          // what the allocator answers when nothing is left; the engine's own state begins there
          if (pointer === 0) throw new Error("the text does not fit into the memory of the script")
          // the memory's buffer is another one after it has grown
          const room = new Uint8Array(memory.buffer, pointer, maxBytes)
          room[encoder.encodeInto(text, room).written] = 0
        }
        return engine
      }
    },
  }
}

type Load = Extract<Awaited<ReturnType<QuickJSSyncVariant["importModuleLoader"]>>, (...given: never) => unknown>
type Instantiate = NonNullable<NonNullable<Parameters<Load>[0]>["instantiateWasm"]>

const encoder = new TextEncoder()

function compile(): Compiled {
  const { bytes, clock } = addMeter(readFileSync(wasmFile))
  return { module: new WebAssembly.Module(bytes), clock }
}
