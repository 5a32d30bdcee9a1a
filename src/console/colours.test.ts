/** The colours of the style sheet: readable on their ground in both schemes, and told apart by people who see fewer. */
import { expect, test } from "bun:test"
import { readFileSync } from "node:fs"
import { join } from "node:path"

type Rgb = readonly [red: number, green: number, blue: number]

const CSS = readFileSync(join(import.meta.dir, "app", "console.css"), "utf8")
const COLOURS = new Map(
  [...CSS.matchAll(/--([a-z0-9-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)/g)].map(
    ([, name = "", light = "", dark = ""]) => [name, [light, dark]] as const,
  ),
)
const SERIES = [...COLOURS.keys()].filter((name) => /^series-\d/.test(name))
/** Linear RGB as people without one kind of cones see it (Viénot, Brettel and Mollon 1999). */
const VISIONS: Readonly<Record<string, readonly Rgb[]>> = {
  usual: [
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ],
  protanopia: [
    [0.11238, 0.88762, 0],
    [0.11238, 0.88762, 0],
    [0.00401, -0.00401, 1],
  ],
  deuteranopia: [
    [0.29275, 0.70725, 0],
    [0.29275, 0.70725, 0],
    [-0.02234, 0.02234, 1],
  ],
}

function linear(hex: string): Rgb {
  const part = (at: number): number => {
    const value = Number.parseInt(hex.slice(at, at + 2), 16) / 255
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4
  }
  return [part(1), part(3), part(5)]
}

/** https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio */
function contrast(one: string, other: string): number {
  const [low = 0, high = 0] = [one, other]
    .map(linear)
    .map(([red, green, blue]) => 0.2126 * red + 0.7152 * green + 0.0722 * blue)
    .toSorted((first, second) => first - second)
  return (high + 0.05) / (low + 0.05)
}

/** Oklab: distances are about as large as differences look. */
function seen(hex: string, vision: readonly Rgb[]): Rgb {
  const rgb = linear(hex)
  const times = (row: Rgb, values: Rgb): number => row[0] * values[0] + row[1] * values[1] + row[2] * values[2]
  const [red = 0, green = 0, blue = 0] = vision.map((row) => Math.max(0, times(row, rgb)))
  const [long, middle, short] = [
    Math.cbrt(0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue),
    Math.cbrt(0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue),
    Math.cbrt(0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue),
  ] as const
  return [
    0.2104542553 * long + 0.793617785 * middle - 0.0040720468 * short,
    1.9779984951 * long - 2.428592205 * middle + 0.4505937099 * short,
    0.0259040371 * long + 0.7827717662 * middle - 0.808675766 * short,
  ]
}

test("texts, states and series have a contrast of 4.5 to their ground, in light and dark", () => {
  const names = ["text", "soft", "link", "good", "bad", "warning", "series-rest", ...SERIES]
  expect(SERIES).toHaveLength(8)
  const faint = names.flatMap((name) =>
    [0, 1].flatMap((scheme) =>
      ["surface", "ground"].flatMap((ground) => {
        const ratio = contrast(COLOURS.get(name)?.[scheme] ?? "", COLOURS.get(ground)?.[scheme] ?? "")
        return ratio >= 4.5 || (ground === "ground" && name.startsWith("series"))
          ? []
          : [{ name, scheme, ground, ratio }]
      }),
    ),
  )
  expect(faint).toEqual([])
})

test("neighbours of a stack differ for every kind of sight", () => {
  const alike = Object.entries(VISIONS).flatMap(([name, vision]) =>
    [0, 1].flatMap((scheme) =>
      SERIES.slice(1).flatMap((series, index) => {
        const [one, other] = [SERIES[index] ?? "", series].map((each) =>
          seen(COLOURS.get(each)?.[scheme] ?? "", vision),
        )
        const distance = Math.hypot(...[0, 1, 2].map((part) => (one?.[part] ?? 0) - (other?.[part] ?? 0)))
        return distance >= 0.06 ? [] : [{ name, scheme, series, distance }]
      }),
    ),
  )
  expect(alike).toEqual([])
})
