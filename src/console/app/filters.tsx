/** The filters of a page: those in force as buttons that take them away, and a form that adds one. */
import type { TargetedSubmitEvent, VNode } from "preact"
import { useRef, useState } from "preact/hooks"
import { DIMENSION_TITLES } from "../../reports/dimension-titles.ts"
import type { Dimension } from "../../reports/query.ts"
import { askValues } from "./ask.ts"

interface FiltersProps {
  readonly where: readonly string[]
  /** What the address says: values are those of its range. */
  readonly shown: URLSearchParams
  readonly choose: (changes: Readonly<Record<string, readonly string[]>>) => void
}

/** What single calls are told apart by, beside dimensions. */
const BOUNDS: Readonly<Record<string, string>> = {
  latency_ms: "Latency (ms)",
  cost_usd: "Cost (USD)",
  total_tokens: "Tokens",
  attempts: "Attempts",
}

const SIGNS: readonly (readonly [sign: string, title: string])[] = [
  ["=", "is"],
  ["!=", "is not"],
  ["^=", "begins with"],
  [">=", "at least"],
  ["<=", "at most"],
]

export function Filters({ where, shown, choose }: FiltersProps): VNode {
  return (
    <div class="row filters">
      <ul aria-label="Filters in force">
        {where.map((filter, index) => (
          <li key={filter}>
            <button
              type="button"
              class="filter"
              title="Take this filter away"
              onClick={() => choose({ where: where.filter((_, place) => place !== index) })}
            >
              {filterTitle(filter)} <span aria-hidden="true">×</span>
              <span class="visually-hidden">, take away</span>
            </button>
          </li>
        ))}
      </ul>
      <details class="custom">
        <summary>Add a filter</summary>
        <NewFilter shown={shown} add={(filter) => !where.includes(filter) && choose({ where: [...where, filter] })} />
      </details>
    </div>
  )
}

/** The text of a field; a file is never one of ours. */
export function textOf(form: FormData, name: string): string {
  const value = form.get(name)
  return typeof value === "string" ? value.trim() : ""
}

interface NewFilterProps {
  readonly shown: URLSearchParams
  readonly add: (filter: string) => void
}

/** The values of a dimension, asked for when the reader comes to them. */
function useValues(shown: URLSearchParams): {
  readonly values: readonly string[]
  readonly offer: (dimension: string) => void
} {
  const [values, setValues] = useState<readonly string[]>([])
  const asked = useRef("")
  const offer = (dimension: string): void => {
    // the API calls the dialect of the target so
    const known = dimension === "target_dialect" ? "dialect" : dimension
    const question = `${known} ${shown.toString()}`
    if (asked.current === question) return
    asked.current = question
    setValues([])
    if (BOUNDS[dimension] !== undefined) return
    void askValues(known, shown).then((found) => asked.current === question && setValues(found))
  }
  return { values, offer }
}

function NewFilter({ shown, add }: NewFilterProps): VNode {
  const { values: offered, offer } = useValues(shown)
  const dimension = useRef<HTMLSelectElement>(null)
  const submitted = (event: TargetedSubmitEvent<HTMLFormElement>): void => {
    event.preventDefault()
    const form = event.currentTarget
    const values = new FormData(form)
    add(filterText(textOf(values, "name"), textOf(values, "sign"), textOf(values, "value")))
    form.reset()
  }
  const names = [...Object.entries(DIMENSION_TITLES), ...Object.entries(BOUNDS)]
  return (
    <form onSubmit={submitted}>
      <label>
        <span class="visually-hidden">Filter by</span>
        <select name="name" ref={dimension}>
          {names.map(([name, title]) => (
            <option key={name} value={name}>
              {title}
            </option>
          ))}
        </select>
      </label>
      <label>
        <span class="visually-hidden">How it compares</span>
        <select name="sign">
          {SIGNS.map(([sign, title]) => (
            <option key={sign} value={sign}>
              {title}
            </option>
          ))}
        </select>
      </label>
      <label>
        <span class="visually-hidden">Value</span>
        <input
          name="value"
          placeholder="value"
          autocomplete="off"
          maxLength={1000}
          list="filter-values"
          onFocus={() => offer(dimension.current?.value ?? "")}
        />
      </label>
      <datalist id="filter-values">
        {offered.map((value) => (
          <option key={value} value={value} />
        ))}
      </datalist>
      <button type="submit">Add</button>
    </form>
  )
}

/** A bound of a number is at least or at most, whatever was chosen; a text is never. */
function filterText(name: string, sign: string, value: string): string {
  const isBound = sign === ">=" || sign === "<="
  if (BOUNDS[name] !== undefined) return `${name}${isBound ? sign : ">="}${/^\d+(?:\.\d+)?$/.test(value) ? value : "0"}`
  return `${name}${isBound ? "=" : sign}${written(value)}`
}

/** In quotes where it would not be read as one value otherwise. */
function written(value: string): string {
  return /[",\\]|^\s|\s$/.test(value) ? JSON.stringify(value) : value
}

/** The filter that one value of a table means. */
export function filterBy(dimension: Dimension, value: string): string {
  return `${dimension}=${written(value)}`
}

function filterTitle(filter: string): string {
  const [, name = "", sign = "", value = ""] = /^(tag\.[\w.:/-]+|[a-z_0-9]+)(!=|\^=|>=|<=|=)([^]*)$/.exec(filter) ?? []
  const title = name.startsWith("tag.")
    ? `Tag ${name.slice(4)}`
    : (BOUNDS[name] ?? (DIMENSION_TITLES as Readonly<Record<string, string>>)[name])
  if (title === undefined) return filter
  const plain = unquoted(value)
  return `${title} ${SIGNS.find(([each]) => each === sign)?.[1] ?? sign} ${plain === "" ? "(none)" : plain}`
}

function unquoted(value: string): string {
  if (!value.startsWith('"')) return value
  try {
    return String(JSON.parse(value))
  } catch {
    return value
  }
}
