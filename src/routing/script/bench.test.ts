import { expect, test } from "bun:test"
import { Bench } from "./bench.ts"

const SMALL = 1000
const LARGE = 300_000

test("three stops within a minute keep a script from their caller for half a minute, and from nobody else", () => {
  const bench = new Bench(3)
  for (const atMs of [0, 10_000, 20_000]) {
    expect(bench.keepsOff("a", atMs)).toBe(false)
    bench.add("a", SMALL, atMs)
  }
  expect([bench.keepsOff("a", 20_001), bench.keepsOff("b", 20_001)]).toEqual([true, false])
  expect([bench.keepsOff("a", 49_999), bench.keepsOff("a", 50_000)]).toEqual([true, false])
})

test("stops that are older than a minute do not count", () => {
  const bench = new Bench(3)
  for (const atMs of [0, 30_000, 60_000]) bench.add("a", SMALL, atMs)
  expect(bench.keepsOff("a", 60_001)).toBe(false)
  bench.add("a", SMALL, 61_000)
  expect(bench.keepsOff("a", 61_001)).toBe(true)
})

test("stops of three callers keep it from everybody", () => {
  const bench = new Bench(3)
  for (const caller of ["a", "b", "a", "b"]) bench.add(caller, SMALL, 0)
  expect(bench.keepsOff("d", 1)).toBe(false)
  bench.add("c", SMALL, 1)
  expect([bench.keepsOff("d", 2), bench.keepsOff("d", 30_001)]).toEqual([true, false])
})

test("but none with large bodies: these count against their callers alone", () => {
  const bench = new Bench(3)
  for (const caller of ["a", "b", "c", "c", "c"]) bench.add(caller, LARGE, 0)
  expect(["a", "b", "c", "d"].filter((caller) => bench.keepsOff(caller, 1))).toEqual(["c"])
})

test("a shadow is benched by one stop", () => {
  const bench = new Bench(1)
  bench.add("a", LARGE, 0)
  expect([bench.keepsOff("a", 1), bench.keepsOff("b", 1)]).toEqual([true, false])
  bench.add("a", SMALL, 2)
  expect(bench.keepsOff("b", 3)).toBe(true)
})
