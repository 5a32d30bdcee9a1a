/** The second opinion on HTTP/1.1: llhttp, which Node.js reads with, in its strict mode. The package `undici` brings it as WebAssembly. */
import { readFileSync } from "node:fs"
import { createRequire } from "node:module"
import { dirname, join } from "node:path"

export interface Message {
  /** Of requests. */
  readonly method: string
  target: string
  /** Of responses. */
  readonly status: number
  /** In order; what stands in trailers is not among them. */
  readonly fields: readonly (readonly [name: string, value: string])[]
  readonly keepAlive: boolean
  body: Buffer
  complete: boolean
}

export interface Reading {
  /** Those with a complete head. */
  readonly messages: readonly Message[]
  /** Why the rest is none; null where it may still become one. */
  readonly fault: string | null
}

interface Exports {
  readonly memory: WebAssembly.Memory
  readonly _initialize: () => void
  readonly malloc: (size: number) => number
  readonly llhttp_alloc: (type: number) => number
  readonly llhttp_free: (parser: number) => void
  readonly llhttp_execute: (parser: number, at: number, length: number) => number
  readonly llhttp_finish: (parser: number) => number
  readonly llhttp_get_error_pos: (parser: number) => number
  readonly llhttp_get_error_reason: (parser: number) => number
  readonly llhttp_get_method: (parser: number) => number
  readonly llhttp_resume_after_upgrade: (parser: number) => void
}

const REQUEST = 1
const RESPONSE = 2
const PAUSED_UPGRADE = 22
const LARGEST_WIRE_BYTES = 1 << 20

const require = createRequire(import.meta.url)
const folder = join(dirname(require.resolve("undici/package.json")), "lib", "llhttp")
const { METHODS } = require(join(folder, "constants.js")) as { METHODS: Readonly<Record<string, number>> }
const METHOD_NAMES = new Map(Object.entries(METHODS).map(([name, number]) => [number, name]))

/** What is being read: the parser calls back without saying for whom. */
let messages: Message[] = []
let names: string[] = []
let values: string[] = []
let last: "name" | "value" | null = null
let target = ""
let parser = 0

const wasm = load()
const input = wasm.malloc(LARGEST_WIRE_BYTES)

/** Every request on one connection. */
export function readRequests(wire: Uint8Array): Reading {
  return read(REQUEST, wire, false)
}

/** Every response on one connection, interim ones too. `ended`: nothing more will come. */
export function readResponses(wire: Uint8Array, ended: boolean): Reading {
  return read(RESPONSE, wire, ended)
}

function read(type: number, wire: Uint8Array, ended: boolean): Reading {
  messages = []
  forgetHead()
  parser = wasm.llhttp_alloc(type)
  try {
    new Uint8Array(wasm.memory.buffer).set(wire, input)
    let at = input
    const end = input + wire.length
    for (;;) {
      const code = wasm.llhttp_execute(parser, at, end - at)
      if (code === 0) break
      // nobody here takes an upgrade: what follows is the next message
      if (code !== PAUSED_UPGRADE) return { messages, fault: reason() }
      at = wasm.llhttp_get_error_pos(parser)
      wasm.llhttp_resume_after_upgrade(parser)
    }
    const fault = ended && wasm.llhttp_finish(parser) !== 0 ? reason() : null
    return { messages, fault }
  } finally {
    wasm.llhttp_free(parser)
  }
}

function load(): Exports {
  // what a bundle in base 64 holds
  const [, base64 = ""] = /wasmBase64 = '([^']+)'/.exec(readFileSync(join(folder, "llhttp-wasm.js"), "utf8")) ?? []
  const instance = new WebAssembly.Instance(new WebAssembly.Module(Buffer.from(base64, "base64")), {
    env: {
      wasm_on_message_begin: () => forgetHead(),
      wasm_on_url: (_: number, at: number, length: number) => {
        target += text(at, length)
        return 0
      },
      wasm_on_status: () => 0,
      wasm_on_header_field: (_: number, at: number, length: number) => {
        if (last === "name") names[names.length - 1] += text(at, length)
        else names.push(text(at, length))
        last = "name"
        return 0
      },
      wasm_on_header_value: (_: number, at: number, length: number) => {
        if (last === "value") values[values.length - 1] += text(at, length)
        else values.push(text(at, length))
        last = "value"
        return 0
      },
      wasm_on_headers_complete: (_: number, status: number, _upgrade: number, keepAlive: number) => {
        messages.push({
          method: METHOD_NAMES.get(wasm.llhttp_get_method(parser)) ?? "",
          target,
          status,
          fields: names.map((name, index) => [name, values[index] ?? ""]),
          keepAlive: keepAlive !== 0,
          body: Buffer.alloc(0),
          complete: false,
        })
        return 0
      },
      wasm_on_body: (_: number, at: number, length: number) => {
        const message = messages.at(-1)
        const bytes = new Uint8Array(wasm.memory.buffer, at, length)
        if (message !== undefined) message.body = Buffer.concat([message.body, bytes])
        return 0
      },
      wasm_on_message_complete: () => {
        const message = messages.at(-1)
        if (message !== undefined) message.complete = true
        return 0
      },
    },
  })
  const exports = instance.exports as unknown as Exports
  exports._initialize()
  return exports
}

function forgetHead(): number {
  names = []
  values = []
  last = null
  target = ""
  return 0
}

function text(at: number, length: number): string {
  return Buffer.from(wasm.memory.buffer, at, length).toString("latin1")
}

function reason(): string {
  const at = wasm.llhttp_get_error_reason(parser)
  const end = new Uint8Array(wasm.memory.buffer).indexOf(0, at)
  return text(at, end - at)
}
