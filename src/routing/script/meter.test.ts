import { expect, test } from "bun:test"
import { addMeter } from "./meter.ts"

/** (import "a" "t" (func (result f64))) (func (export "f") (loop (br 0))), a global that is there already, and a long loop. */
const PARTS = [
  [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
  [1, 8, 2, 0x60, 0, 1, 0x7c, 0x60, 0, 0], // types: () -> f64, () -> ()
  [2, 7, 1, 1, 0x61, 1, 0x74, 0, 0], // import a.t
  [3, 2, 1, 1], // one function of type 1
  [6, 6, 1, 0x7f, 1, 0x41, 5, 0x0b], // a global
  [7, 5, 1, 1, 0x66, 0, 1], // export f
  [10, 9, 1, 7, 0, 0x03, 0x40, 0x0c, 0, 0x0b, 0x0b], // loop br 0 end
]
const MODULE = Uint8Array.from(PARTS.flat())

test("an endless loop calls the clock, and ends when that throws", () => {
  const { bytes, clock } = addMeter(MODULE)
  expect(clock).toBe("t")
  let calls = 0
  const instance = new WebAssembly.Instance(new WebAssembly.Module(bytes), {
    a: {
      t: () => {
        if (++calls === 100) throw new Error("enough")
        return 0
      },
    },
  })
  expect(instance.exports["f"]).toThrow("enough")
  expect(calls).toBe(100)
})

test("what it does not understand is refused", () => {
  const vector = MODULE.slice()
  vector[vector.length - 4] = 0xfd
  expect(() => addMeter(vector)).toThrow("the instruction fd is not known")
  expect(() => addMeter(MODULE.subarray(0, 12))).toThrow("the module")
})
