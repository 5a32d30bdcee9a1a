/**
 * Puts a meter into a WebAssembly module: every loop counts, and every so many turns the module calls a function of the
 * host, which can stop it by throwing. The engine's own interrupts are asked for between operations of the script only:
 * one operation on a large value (a search, a sort, a regular expression) may run for seconds without one.
 *
 * Format: https://webassembly.github.io/spec/core/binary/. What the module must not hold (SIMD, threads, exceptions) is
 * refused, never guessed.
 */

/** Turns of any loop between two calls of the host: some ten microseconds. */
const TURNS = 4096

const SECTION = { type: 1, import: 2, global: 6, code: 10 } as const
const F64 = 0x7c

/**
 * Calls the module's own import of the clock (`() -> f64`), so that no function changes its number.
 * @throws Error when the module is not of the form that is expected
 */
export function addMeter(wasm: Uint8Array): Metered {
  const reader = new Reader(wasm, 8)
  const sections: Section[] = []
  while (reader.at < wasm.length) {
    const id = reader.byte()
    const length = reader.u32()
    sections.push({ id, body: wasm.subarray(reader.at, reader.at + length) })
    reader.at += length
  }
  const imports = readImports(section(sections, SECTION.import), clockTypes(section(sections, SECTION.type)))
  const globals = section(sections, SECTION.global)
  const counter = imports.globals + new Reader(globals, 0).u32()
  const meter = meterCode(counter, imports.clock.index)
  const parts: Uint8Array[] = [wasm.subarray(0, 8)]
  for (const { id, body } of sections) {
    const changed =
      id === SECTION.global ? withCounter(body) : id === SECTION.code ? withMeter(body, meter, counter) : body
    parts.push(Uint8Array.from([id, ...u32(changed.length)]), changed)
  }
  return { bytes: new Uint8Array(Buffer.concat(parts)), clock: imports.clock.name }
}

export interface Metered {
  readonly bytes: Uint8Array<ArrayBuffer>
  /** The import that is called, of the module's only namespace. */
  readonly clock: string
}

interface Section {
  readonly id: number
  readonly body: Uint8Array
}

function section(sections: readonly Section[], id: number): Uint8Array {
  const found = sections.find((entry) => entry.id === id)
  if (found === undefined) throw new Error(`the module has no section ${id}`)
  return found.body
}

/** Indexes of the types `() -> f64`. */
function clockTypes(body: Uint8Array): ReadonlySet<number> {
  const reader = new Reader(body, 0)
  const found = new Set<number>()
  const count = reader.u32()
  for (let index = 0; index < count; index++) {
    if (reader.byte() !== 0x60) throw new Error("an unknown kind of type")
    const parameters = reader.bytes(reader.u32())
    const results = reader.bytes(reader.u32())
    if (parameters.length === 0 && results.length === 1 && results[0] === F64) found.add(index)
  }
  return found
}

interface Imports {
  readonly clock: { readonly index: number; readonly name: string }
  readonly globals: number
}

function readImports(body: Uint8Array, clocks: ReadonlySet<number>): Imports {
  const reader = new Reader(body, 0)
  let functions = 0
  let globals = 0
  const found: Imports["clock"][] = []
  for (let left = reader.u32(); left > 0; left--) {
    reader.bytes(reader.u32())
    const name = Buffer.from(reader.bytes(reader.u32())).toString()
    const kind = reader.byte()
    if (kind === 0) {
      if (clocks.has(reader.u32())) found.push({ index: functions, name })
      functions++
    } else if (kind === 1) {
      reader.byte()
      reader.limits()
    } else if (kind === 2) reader.limits()
    else if (kind === 3) {
      reader.bytes(2)
      globals++
    } else throw new Error("an unknown kind of import")
  }
  const [clock] = found
  if (clock === undefined || found.length > 1) throw new Error("the module must import exactly one clock")
  return { clock, globals }
}

function withCounter(body: Uint8Array): Uint8Array {
  const reader = new Reader(body, 0)
  const count = reader.u32()
  // (global (mut i32) (i32.const 0))
  return Buffer.concat([
    Uint8Array.from(u32(count + 1)),
    body.subarray(reader.at),
    Uint8Array.from([0x7f, 1, 0x41, 0, 0x0b]),
  ])
}

/** Behind the head of a loop. Leaves the stack as it was. */
function meterCode(counter: number, clock: number): Uint8Array {
  const at = u32(counter)
  const parts = [
    [0x23, ...at, 0x45, 0x04, 0x40], // counter == 0: if
    [0x41, ...s32(TURNS), 0x24, ...at], //   counter = TURNS
    [0x10, ...u32(clock), 0x1a, 0x0b], //   clock(); end
    [0x23, ...at, 0x41, 1, 0x6b, 0x24, ...at], // counter -= 1
  ]
  return Uint8Array.from(parts.flat())
}

function withMeter(body: Uint8Array, meter: Uint8Array, counter: number): Uint8Array {
  const reader = new Reader(body, 0)
  const count = reader.u32()
  // copying much memory takes long for one instruction: the next loop asks
  const due = Uint8Array.from([0x41, 0, 0x24, ...u32(counter)])
  const parts: Uint8Array[] = [Uint8Array.from(u32(count))]
  for (let index = 0; index < count; index++) {
    const size = reader.u32()
    const code = meteredFunction(body, reader, reader.at + size, meter, due)
    parts.push(Uint8Array.from(u32(code.length)), code)
  }
  return Buffer.concat(parts)
}

function meteredFunction(
  body: Uint8Array,
  reader: Reader,
  end: number,
  meter: Uint8Array,
  due: Uint8Array,
): Uint8Array {
  const parts: Uint8Array[] = []
  let copied = reader.at
  const insert = (code: Uint8Array): void => {
    parts.push(body.subarray(copied, reader.at), code)
    copied = reader.at
  }
  for (let groups = reader.u32(); groups > 0; groups--) {
    reader.u32()
    reader.byte()
  }
  while (reader.at < end) {
    const kind = reader.instruction()
    if (kind === "loop") insert(meter)
    else if (kind === "bulk") insert(due)
  }
  parts.push(body.subarray(copied, end))
  return Buffer.concat(parts)
}

class Reader {
  private readonly source: Uint8Array
  at: number

  constructor(source: Uint8Array, at: number) {
    this.source = source
    this.at = at
  }

  byte(): number {
    const value = this.source[this.at++]
    if (value === undefined) throw new Error("the module ends early")
    return value
  }

  bytes(count: number): Uint8Array {
    this.at += count
    return this.source.subarray(this.at - count, this.at)
  }

  /** LEB128. */
  u32(): number {
    let value = 0
    for (let shift = 0; ; shift += 7) {
      const byte = this.byte()
      value += (byte & 0x7f) * 2 ** shift
      if (byte < 0x80) return value
    }
  }

  limits(): void {
    const flags = this.byte()
    this.u32()
    if ((flags & 1) === 1) this.u32()
  }

  /** Steps over one instruction. */
  instruction(): "loop" | "bulk" | "other" {
    const code = this.byte()
    if (code === 0x03) {
      this.u32()
      return "loop"
    }
    if (code === 0xfc) return this.extended()
    this.operands(code)
    return "other"
  }

  private operands(code: number): void {
    if (code === 0x0e) for (let left = this.u32() + 1; left > 0; left--) this.u32()
    else if (code === 0x1c) this.bytes(this.u32())
    else if (code === 0x43) this.at += 4
    else if (code === 0x44) this.at += 8
    else if (code === 0x11 || (code >= 0x28 && code <= 0x3e)) {
      this.u32()
      this.u32()
    } else if (ONE_OPERAND.has(code)) this.u32()
    else if (!(code <= 0x01 || [0x05, 0x0b, 0x0f, 0x1a, 0x1b, 0xd1].includes(code) || (code >= 0x45 && code <= 0xc4)))
      throw new Error(`the instruction ${code.toString(16)} is not known`)
  }

  private extended(): "bulk" | "other" {
    const code = this.u32()
    if (code <= 7) return "other"
    if (code > 17) throw new Error(`the instruction fc ${code} is not known`)
    this.u32()
    if (code === 8 || code === 10 || code === 12 || code === 14) this.u32()
    return code === 10 || code === 11 ? "bulk" : "other"
  }
}

/** block, if, br, br_if, call, locals, globals, tables, memory.size, memory.grow, constants, ref.null, ref.func: a LEB128 each. */
const ONE_OPERAND: ReadonlySet<number> = new Set([
  0x02, 0x04, 0x0c, 0x0d, 0x10, 0x20, 0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x3f, 0x40, 0x41, 0x42, 0xd0, 0xd2,
])

function u32(value: number): readonly number[] {
  const bytes: number[] = []
  let left = value
  do {
    const low = left % 128
    left = Math.floor(left / 128)
    bytes.push(left > 0 ? low | 0x80 : low)
  } while (left > 0)
  return bytes
}

/** Signed LEB128 of a number that is not negative. */
function s32(value: number): readonly number[] {
  const bytes = [...u32(value)]
  const last = bytes.at(-1) ?? 0
  if ((last & 0x40) === 0) return bytes
  return [...bytes.slice(0, -1), last | 0x80, 0]
}
