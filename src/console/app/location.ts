/** Where the reader is: the address says everything that a page shows. */
import { useEffect, useState } from "preact/hooks"

/** The path below which the console stands, without a slash at its end. */
export const BASE: string = told("base")

/** The longest range that the router answers, milliseconds. */
export const LONGEST_RANGE_MS: number = Number(told("longest-range-ms"))

/** What the router wrote into the page. */
function told(name: string): string {
  return document.querySelector(`meta[name="${name}"]`)?.getAttribute("content") ?? ""
}

export interface Place {
  /** Below the console's path, decoded: `["calls", "req_1"]`. */
  readonly path: readonly string[]
  readonly parameters: URLSearchParams
}

const listeners = new Set<() => void>()

function here(): Place {
  const path = location.pathname.slice(BASE.length).split("/").filter(Boolean).map(decoded)
  return { path, parameters: new URLSearchParams(location.search) }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

export function usePlace(): Place {
  const [place, setPlace] = useState(here)
  useEffect(() => {
    const moved = (): void => setPlace(here())
    listeners.add(moved)
    addEventListener("popstate", moved)
    return () => {
      listeners.delete(moved)
      removeEventListener("popstate", moved)
    }
  }, [])
  return place
}

export function addressOf(path: readonly string[], parameters: URLSearchParams): string {
  const query = parameters.toString()
  return `${BASE}/${path.map(encodeURIComponent).join("/")}${query === "" ? "" : `?${query}`}`
}

/** `replace`: Back does not come to the place that is left. */
export function go(address: string, replace = false): void {
  if (replace) history.replaceState(null, "", address)
  else history.pushState(null, "", address)
  for (const moved of listeners) moved()
}

/** The same place with some parameters changed; null takes one away, a list sets several of one name. */
export function changed(
  parameters: URLSearchParams,
  changes: Readonly<Record<string, string | readonly string[] | null>>,
): URLSearchParams {
  const next = new URLSearchParams(parameters)
  for (const [name, value] of Object.entries(changes)) {
    next.delete(name)
    for (const each of typeof value === "string" ? [value] : (value ?? [])) next.append(name, each)
  }
  return next
}

/** What stays when the reader goes to another page. */
export function carried(parameters: URLSearchParams): URLSearchParams {
  const next = new URLSearchParams()
  for (const name of ["since", "from", "to", "tz", "slot", "compare", "where"])
    for (const value of parameters.getAll(name)) next.append(name, value)
  return next
}

/** Parameters that the router is asked with: how tables are sorted and paged is the browser's own. */
export function asked(parameters: URLSearchParams): URLSearchParams {
  const next = new URLSearchParams()
  for (const [name, value] of parameters) if (!name.includes(".")) next.append(name, value)
  return next
}
