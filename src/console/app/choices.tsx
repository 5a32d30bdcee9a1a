/** What the reader chooses: range, zone, what to tell apart, and filters. All of it stands in the address. */
import type { TargetedEvent, TargetedSubmitEvent, VNode } from "preact"
import { useState } from "preact/hooks"
import type { PageAnswer } from "../../reports/pages/block.ts"
import { dimensionTitle } from "../../reports/dimension-titles.ts"
import type { PageDefinition } from "../../reports/pages/page.ts"
import { Filters, textOf } from "./filters.tsx"
import { addressOf, changed, go, type Place } from "./location.ts"
import { SPANS } from "./spans.ts"
import { instantOf, localOf } from "./zoned.ts"

const SLOTS = [
  ["", "fitting"],
  ["15m", "15 min"],
  ["hour", "hour"],
  ["day", "day"],
  ["week", "week"],
  ["month", "month"],
] as const

interface ChoicesProps {
  readonly place: Place
  readonly page: PageDefinition
  readonly answer: PageAnswer | null
}

type Changes = Parameters<typeof changed>[1]

export function Choices({ place, page, answer }: ChoicesProps): VNode {
  const { path, parameters } = place
  const choose = (changes: Changes): void => go(addressOf(path, changed(parameters, { ...changes, cursor: null })))
  const selected =
    (name: string, empty: string) =>
    (event: TargetedEvent<HTMLSelectElement>): void =>
      choose({ [name]: event.currentTarget.value === empty ? null : event.currentTarget.value })
  const [first] = page.by
  return (
    <section class="choices row" aria-label="What is shown">
      <div class="row">
        <div class="spans" role="group" aria-label="Range">
          {SPANS.map(([since, title]) => (
            <button
              key={since}
              type="button"
              aria-pressed={parameters.get("since") === since}
              onClick={() => choose({ since, from: null, to: null, slot: null })}
            >
              {title}
            </button>
          ))}
        </div>
        <Custom parameters={parameters} answer={answer} choose={choose} />
        {first !== undefined && (
          <label>
            By{" "}
            <select value={parameters.get("by") ?? first} onChange={selected("by", first)}>
              {choicesOf(page.by, parameters.get("by")).map((by) => (
                <option key={by} value={by}>
                  {dimensionTitle(by)}
                </option>
              ))}
            </select>
          </label>
        )}
        {first !== undefined && (
          <label>
            Each{" "}
            <select value={parameters.get("slot") ?? ""} onChange={selected("slot", "")}>
              {SLOTS.map(([slot, title]) => (
                <option key={slot} value={slot}>
                  {title}
                </option>
              ))}
            </select>
          </label>
        )}
        <Zone zone={parameters.get("tz") ?? "UTC"} choose={choose} />
      </div>
      <Filters where={parameters.getAll("where")} shown={parameters} choose={choose} />
    </section>
  )
}

/** A tag that the address names is a choice, too. */
function choicesOf(by: PageDefinition["by"], named: string | null): PageDefinition["by"] {
  return named?.startsWith("tag.") === true ? [...by, named as `tag.${string}`] : by
}

interface CustomProps {
  readonly parameters: URLSearchParams
  readonly answer: PageAnswer | null
  readonly choose: (changes: Changes) => void
}

/** From and to in the reader's zone, filled with what is shown. */
function Custom({ parameters, answer, choose }: CustomProps): VNode {
  const zone = parameters.get("tz") ?? "UTC"
  const isOpen = parameters.has("from")
  const submitted = (event: TargetedSubmitEvent<HTMLFormElement>): void => {
    event.preventDefault()
    const form = new FormData(event.currentTarget)
    const [from, to] = ["from", "to"].map((name) => instantOf(textOf(form, name), zone))
    if (from === null || from === undefined) return
    choose({ since: null, from, to: to ?? null, slot: null })
  }
  return (
    <details class="custom">
      <summary>{isOpen ? "Own range ✓" : "Own range"}</summary>
      <form onSubmit={submitted}>
        <label>
          From{" "}
          <input type="datetime-local" name="from" required value={answer === null ? "" : localOf(answer.from, zone)} />
        </label>
        <label>
          To <input type="datetime-local" name="to" value={answer === null ? "" : localOf(answer.to, zone)} />
        </label>
        <button type="submit">Show</button>
      </form>
    </details>
  )
}

function Zone({ zone, choose }: { readonly zone: string; readonly choose: (changes: Changes) => void }): VNode {
  const own = Intl.DateTimeFormat().resolvedOptions().timeZone
  const [zones] = useState(() => [...new Set([zone, own, "UTC", ...Intl.supportedValuesOf("timeZone")])])
  return (
    <label>
      Times in{" "}
      <select value={zone} onChange={(event) => choose({ tz: event.currentTarget.value })}>
        {zones.map((each) => (
          <option key={each} value={each}>
            {each}
          </option>
        ))}
      </select>
    </label>
  )
}
