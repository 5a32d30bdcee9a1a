/** What clocks in a zone show, to instants and back. */

function shown(ms: number, zone: string): number {
  const numeric = "numeric"
  const parts = new Intl.DateTimeFormat("en-US", {
    timeZone: zone,
    hourCycle: "h23",
    year: numeric,
    month: numeric,
    day: numeric,
    hour: numeric,
    minute: numeric,
  }).formatToParts(ms)
  const of = (type: string): number => Number(parts.find((part) => part.type === type)?.value)
  return Date.UTC(of("year"), of("month") - 1, of("day"), of("hour"), of("minute"))
}

function two(value: number): string {
  return String(value).padStart(2, "0")
}

/** `2026-11-30T09:00`, as an input of a form has it. */
export function localOf(ms: number, zone: string): string {
  return new Date(shown(ms, zone)).toISOString().slice(0, 16)
}

/** With the offset of the zone at that moment; null: it is no time. Where clocks show a time twice, the first counts. */
export function instantOf(local: string, zone: string): string | null {
  const wanted = Date.parse(`${local}:00Z`)
  if (Number.isNaN(wanted)) return null
  // an offset is at most a day off: two steps reach it, also across a change of clocks
  let ms = wanted
  for (let step = 0; step < 2; step += 1) ms += wanted - shown(ms, zone)
  const minutes = Math.round((shown(ms, zone) - ms) / 60_000)
  const size = Math.abs(minutes)
  const offset = `${minutes < 0 ? "-" : "+"}${two(Math.floor(size / 60))}:${two(size % 60)}`
  return `${new Date(ms + minutes * 60_000).toISOString().slice(0, 19)}${offset}`
}
