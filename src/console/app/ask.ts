/** One request per view, and again while the view is looked at: live parts every few seconds, the rest once a minute. */
import { useEffect, useRef, useState } from "preact/hooks"
import type { PageAnswer } from "../../reports/pages/block.ts"
import { BASE } from "./location.ts"

const LIVE_MS = 4000
const REFRESH_MS = 60_000

export interface Problem {
  readonly status: number
  readonly message: string
  /** Which parameter is wrong; null: none. */
  readonly param: string | null
}

export interface Asked {
  /** Of the question before, while the next one is on its way. */
  readonly answer: PageAnswer | null
  readonly problem: Problem | null
  readonly isWaiting: boolean
  readonly again: () => void
}

/** @param parameters as text, so that equal questions are equal */
export function usePage(page: string, parameters: string, isMoving: boolean): Asked {
  const [answer, setAnswer] = useState<PageAnswer | null>(null)
  const [problem, setProblem] = useState<Problem | null>(null)
  const [isWaiting, setWaiting] = useState(true)
  const [round, setRound] = useState(0)
  const latest = useRef<PageAnswer | null>(null)
  // by the browser's own clock: the router's may differ
  const heardAt = useRef(0)
  latest.current = answer

  useEffect(() => {
    const aborter = new AbortController()
    setWaiting(true)
    const ask = async (): Promise<void> => {
      const heard = await askPage(page, parameters, aborter.signal)
      if (aborter.signal.aborted) return
      setWaiting(false)
      setProblem("problem" in heard ? heard.problem : null)
      if ("problem" in heard) return
      heardAt.current = performance.now()
      setAnswer(heard.answer)
    }
    void ask()
    return () => aborter.abort()
  }, [page, parameters, round])

  useWhileSeen(async (signal) => {
    const shown = latest.current
    if (shown === null || shown.page !== page) return
    if (isMoving && performance.now() - heardAt.current > REFRESH_MS) {
      setRound((before) => before + 1)
      return
    }
    const live = shown.blocks.filter((block) => block.live === true).map(({ id }) => id)
    if (live.length === 0) return
    const query = new URLSearchParams(parameters)
    query.set("only", live.join(","))
    const heard = await askPage(page, query.toString(), signal)
    if (signal.aborted || "problem" in heard) return
    setAnswer((before) => (before === null || before.page !== page ? before : withLive(before, heard.answer)))
  }, `${page} ${parameters} ${isMoving}`)

  return {
    answer: answer?.page === page ? answer : null,
    problem,
    isWaiting,
    again: () => setRound((before) => before + 1),
  }
}

/** Every few seconds and when the page is seen again, one at a time; never while it is hidden. */
function useWhileSeen(work: (signal: AbortSignal) => Promise<void>, about: string): void {
  useEffect(() => {
    const aborter = new AbortController()
    let isBusy = false
    const tick = async (): Promise<void> => {
      if (document.hidden || isBusy) return
      isBusy = true
      await work(aborter.signal)
      isBusy = false
    }
    const timer = setInterval(() => void tick(), LIVE_MS)
    const seen = (): void => void tick()
    document.addEventListener("visibilitychange", seen)
    return () => {
      aborter.abort()
      clearInterval(timer)
      document.removeEventListener("visibilitychange", seen)
    }
  }, [about])
}

function withLive(shown: PageAnswer, live: PageAnswer): PageAnswer {
  const fresh = new Map(live.blocks.map((block) => [block.id, block]))
  return { ...shown, blocks: shown.blocks.map((block) => fresh.get(block.id) ?? block) }
}

type Heard = { readonly answer: PageAnswer } | { readonly problem: Problem }

async function askPage(page: string, parameters: string, signal: AbortSignal): Promise<Heard> {
  try {
    const response = await fetch(`${BASE}/api/page/${page}?${parameters}`, {
      headers: { accept: "application/json" },
      credentials: "same-origin",
      signal,
    })
    if (response.ok) return { answer: (await response.json()) as PageAnswer }
    return { problem: await problemOf(response) }
  } catch {
    return { problem: { status: 0, message: "The router cannot be reached. Is it running?", param: null } }
  }
}

async function problemOf(response: Response): Promise<Problem> {
  const fallback = `The router answered with status ${response.status}.`
  try {
    const { error } = (await response.json()) as { error?: { message?: unknown; param?: unknown } }
    const message = typeof error?.message === "string" ? error.message : fallback
    return { status: response.status, message, param: typeof error?.param === "string" ? error.param : null }
  } catch {
    return { status: response.status, message: fallback, param: null }
  }
}

/** The values that a dimension has in the range of the view; none where the router does not tell. */
export async function askValues(dimension: string, shown: URLSearchParams): Promise<readonly string[]> {
  const query = new URLSearchParams({ dimension })
  for (const name of ["since", "from", "to", "tz"]) {
    const value = shown.get(name)
    if (value !== null) query.set(name, value)
  }
  try {
    const response = await fetch(`${BASE}/api/facets?${query.toString()}`, { credentials: "same-origin" })
    if (!response.ok) return []
    const { values } = (await response.json()) as { readonly values: readonly { readonly value: string }[] }
    return values.map(({ value }) => value).filter((value) => value !== "")
  } catch {
    return []
  }
}
