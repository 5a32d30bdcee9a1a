/** A line chart as SVG: readable on light and dark pages, a few kilobytes. */

export interface Line {
  readonly name: string
  readonly points: readonly (readonly [minute: number, value: number])[]
}

export interface Chart {
  readonly title: string
  readonly unit: string
  readonly minutes: number
  readonly lines: readonly Line[]
  /** A time that is marked. */
  readonly shaded: { readonly fromMinute: number; readonly toMinute: number } | null
}

const WIDTH = 720
const HEIGHT = 300
const LEFT = 56
const RIGHT = 16
const TOP = 56
const BOTTOM = 36
const COLOURS = ["#d55e00", "#0072b2", "#009e73"]

export function plot({ title, unit, minutes, lines, shaded }: Chart): string {
  const top = ceiling(Math.max(...lines.flatMap(({ points }) => points.map(([, value]) => value))))
  const x = (minute: number): number => LEFT + (minute / minutes) * (WIDTH - LEFT - RIGHT)
  const y = (value: number): number => HEIGHT - BOTTOM - (value / top) * (HEIGHT - TOP - BOTTOM)
  const ticks = [0, 0.25, 0.5, 0.75, 1].map((share) => share * top)
  const hours = Array.from({ length: Math.floor(minutes / 10) + 1 }, (_, index) => index * 10)
  const shade =
    shaded === null
      ? ""
      : `<rect x="${round(x(shaded.fromMinute))}" y="${TOP}" width="${round(x(shaded.toMinute) - x(shaded.fromMinute))}" height="${HEIGHT - TOP - BOTTOM}" fill="#888" opacity="0.15"/>`
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12" fill="#777">
<text x="${LEFT}" y="20" font-size="14">${title} (${unit})</text>
${lines.map(({ name }, index) => `<text x="${LEFT + index * 130}" y="42" fill="${COLOURS[index]}">${name}</text>`).join("\n")}
${shade}
${ticks.map((tick) => `<path d="M${LEFT} ${round(y(tick))}H${WIDTH - RIGHT}" stroke="#888" stroke-width="0.4"/><text x="${LEFT - 6}" y="${round(y(tick) + 4)}" text-anchor="end">${label(tick)}</text>`).join("\n")}
${hours.map((minute) => `<text x="${round(x(minute))}" y="${HEIGHT - 14}" text-anchor="middle">${minute} min</text>`).join("\n")}
${lines.map(({ points }, index) => `<polyline fill="none" stroke="${COLOURS[index]}" stroke-width="1.6" points="${points.map(([minute, value]) => `${round(x(minute))},${round(y(value))}`).join(" ")}"/>`).join("\n")}
</svg>
`
}

/** The next number with one digit, or twice that. */
function ceiling(value: number): number {
  const unit = 10 ** Math.floor(Math.log10(value))
  return Math.ceil(value / unit) * unit
}

function label(value: number): string {
  return String(Math.round(value * 100) / 100)
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}
