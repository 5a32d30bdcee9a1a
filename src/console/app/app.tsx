/** The frame of all pages: menu, choices, and the blocks that the router's answer consists of. */
import type { VNode } from "preact"
import { useEffect, useRef } from "preact/hooks"
import type { PageAnswer } from "../../reports/pages/block.ts"
import { PAGES } from "../../reports/pages/list.ts"
import type { PageDefinition, PageName } from "../../reports/pages/page.ts"
import { usePage, type Asked, type Problem } from "./ask.ts"
import { BlockView } from "./block-view.tsx"
import { Choices } from "./choices.tsx"
import { ContentView } from "./content-view.tsx"
import { timeText, utcText } from "./format.ts"
import { Link } from "./link.tsx"
import { addressOf, asked, BASE, carried, changed, go, type Place, usePlace } from "./location.ts"
import { DEFAULT_SINCE } from "./spans.ts"

const MENU: readonly PageName[] = [
  "overview",
  "spend",
  "performance",
  "reliability",
  "routing",
  "calls",
  "catalogue",
  "limits",
  "security",
  "system",
]

export function App(): VNode {
  const place = usePlace()
  const page = pageAt(place)
  const isComplete = useWholeAddress(place)
  if (page === null) return <Frame place={place} page={null} title="Not found" />
  return isComplete ? <Page place={place} page={page} /> : <Frame place={place} page={page} title={page.title} />
}

function pageAt({ path }: Place): PageDefinition | null {
  const [name = "overview", id, more] = path
  if (more !== undefined) return null
  if (name === "calls" && id !== undefined) return PAGES.call
  const found = MENU.find((known) => known === name)
  return found === undefined || id !== undefined ? null : PAGES[found]
}

/** Zone and range stand in the address from the first moment on, so that a link shows a colleague the same. */
function useWholeAddress({ path, parameters }: Place): boolean {
  const lacksZone = !parameters.has("tz")
  const lacksRange = !parameters.has("since") && !parameters.has("from")
  useEffect(() => {
    if (!lacksZone && !lacksRange) return
    const zone = lacksZone ? { tz: Intl.DateTimeFormat().resolvedOptions().timeZone } : {}
    const range = lacksRange ? { since: DEFAULT_SINCE } : {}
    go(addressOf(path, changed(parameters, { ...zone, ...range })), true)
  })
  return !lacksZone && !lacksRange
}

function Page({ place, page }: { readonly place: Place; readonly page: PageDefinition }): VNode {
  const { parameters, path } = place
  const query = asked(parameters)
  const [, call] = path
  if (page.name === "call" && call !== undefined) query.set("call", call)
  const answered = usePage(page.name, query.toString(), parameters.has("since") && page.hasRange)
  const title = page.name === "call" ? `Call ${call ?? ""}` : page.title
  const { answer } = answered
  return (
    <Frame place={place} page={page} title={title} isSample={answer?.isSample === true}>
      {page.hasRange && <Choices place={place} page={page} answer={answer} />}
      <Body place={place} page={page} answered={answered} />
      {page.name === "call" && call !== undefined && answer !== null && <ContentView key={call} call={call} />}
    </Frame>
  )
}

interface FrameProps {
  readonly place: Place
  readonly page: PageDefinition | null
  readonly title: string
  readonly isSample?: boolean
  readonly children?: VNode | readonly (VNode | false)[]
}

function Frame({ place, page, title, isSample = false, children }: FrameProps): VNode {
  const heading = useRef<HTMLHeadingElement>(null)
  const isFirst = useRef(true)
  const name = page?.name
  useEffect(() => {
    document.title = `${title} – smart-router`
    if (!isFirst.current) heading.current?.focus()
    isFirst.current = false
  }, [title])
  return (
    <>
      <a class="skip" href="#main">
        Skip to the figures
      </a>
      <header class="top">
        <p class="product">smart-router {isSample && <strong class="sample">Sample data</strong>}</p>
        <nav aria-label="Pages">
          <ul>
            {MENU.map((each) => (
              <li key={each}>
                <Link
                  to={addressOf(each === "overview" ? [] : [each], carried(place.parameters))}
                  current={each === name || (each === "calls" && name === "call")}
                >
                  {PAGES[each].title}
                </Link>
              </li>
            ))}
          </ul>
        </nav>
        <form class="leave" method="post" action="/admin/auth/logout">
          <button type="submit" class="quiet">
            Sign out
          </button>
        </form>
      </header>
      <main id="main" tabindex={-1}>
        <div class="heading">
          <h1 ref={heading} tabindex={-1}>
            {title}
          </h1>
          <p>
            {page === null ? "There is no such page. The menu has all of them." : page.about}
            {isSample && " Among these figures are invented calls: sample data, which show what the pages look like."}
          </p>
        </div>
        {children}
      </main>
    </>
  )
}

interface BodyProps {
  readonly place: Place
  readonly page: PageDefinition
  readonly answered: Asked
}

function Body({ place, page, answered }: BodyProps): VNode {
  const { answer, problem, isWaiting, again } = answered
  return (
    <>
      <p class="visually-hidden" role="status">
        {isWaiting ? "Loading" : problem === null ? "Loaded" : ""}
      </p>
      {problem !== null && <ProblemView problem={problem} again={again} />}
      <div class="blocks" aria-busy={isWaiting}>
        {answer === null
          ? problem === null && <Skeleton page={page} />
          : answer.blocks.map((block) => <BlockView key={block.id} block={block} answer={answer} place={place} />)}
      </div>
      {answer !== null && <AsOf answer={answer} hasRange={page.hasRange} again={again} />}
    </>
  )
}

/** Stands where the blocks will stand, so that nothing jumps. */
function Skeleton({ page }: { readonly page: PageDefinition }): VNode {
  return (
    <>
      {page.blocks.map(({ id, title, half, show }) => (
        <section key={id} class={`block waiting ${show}${half === true ? " half" : ""}`} aria-hidden="true">
          <h2>{title.replace("{by}", "…")}</h2>
          <div class="placeholder" />
        </section>
      ))}
    </>
  )
}

interface AsOfProps {
  readonly answer: PageAnswer
  readonly hasRange: boolean
  readonly again: () => void
}

function AsOf({ answer, hasRange, again }: AsOfProps): VNode {
  const { asOf, from, to, zone, before } = answer
  return (
    <p class="as-of">
      {hasRange && (
        <>
          From <Time ms={from} zone={zone} /> up to <Time ms={to} zone={zone} /> ({zone})
          {before !== null && (
            <>
              , compared with <Time ms={before.from} zone={zone} /> up to <Time ms={before.to} zone={zone} />
            </>
          )}
          .{" "}
        </>
      )}
      As of <Time ms={asOf} zone={zone} />.{" "}
      <button type="button" class="quiet" onClick={again}>
        Ask again
      </button>
    </p>
  )
}

function Time({ ms, zone }: { readonly ms: number; readonly zone: string }): VNode {
  return (
    <time dateTime={new Date(ms).toISOString()} title={utcText(ms)}>
      {timeText(ms, zone, false)}
    </time>
  )
}

const ADVICE: Readonly<Record<number, string>> = {
  0: "Nothing is lost: the page asks again when you press the button.",
  400: "The address has a choice that the router does not understand. Change it above, or begin again from the menu.",
  403: "Your account may not read this. Whoever looks after the router's policies can permit it.",
  404: "It may be gone, or belong to a project that your account does not see.",
  503: "Calls go on meanwhile. A shorter range or a later try may help.",
}

function ProblemView({ problem, again }: { readonly problem: Problem; readonly again: () => void }): VNode {
  const { status, message, param } = problem
  return (
    <section class="block problem" role="alert">
      <h2>{status === 401 ? "You are not signed in" : "There is no answer"}</h2>
      <p>
        {message}
        {param !== null && (
          <>
            {" "}
            (<code>{param}</code>)
          </>
        )}
      </p>
      {status === 401 ? (
        <p>
          <a
            class="button"
            href={`/admin/auth/login?return_to=${encodeURIComponent(location.pathname + location.search)}`}
          >
            Sign in
          </a>
        </p>
      ) : (
        <>
          <p>{ADVICE[status] ?? "The router's log says more, under the time of this answer."}</p>
          <p>
            <button type="button" onClick={again}>
              Try again
            </button>{" "}
            <a href={`${BASE}/`}>Begin at the overview</a>
          </p>
        </>
      )}
    </section>
  )
}
