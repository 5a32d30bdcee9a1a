/** What was said in a call, where it is stored: shown when a reader asks for it, which is recorded. */
import type { VNode } from "preact"
import { useRef, useState } from "preact/hooks"
import { type ContentPart, deleteContent, type Heard, readContent } from "./ask-content.ts"

type State = Heard | { readonly is: "closed" } | { readonly is: "waiting" }

export function ContentView({ call }: { readonly call: string }): VNode {
  const [state, setState] = useState<State>({ is: "closed" })
  const [isSure, setSure] = useState(false)
  const heading = useRef<HTMLHeadingElement>(null)
  const ask = async (asking: Promise<Heard>): Promise<void> => {
    setState({ is: "waiting" })
    setSure(false)
    setState(await asking)
    // the button that was pressed is gone
    heading.current?.focus()
  }
  const show = (): void => void ask(readContent(call))
  return (
    <section class="block content" aria-labelledby="content-title">
      <h2 id="content-title" ref={heading} tabindex={-1}>
        Content
      </h2>
      <p class="visually-hidden" role="status">
        {state.is === "waiting" ? "Loading the content" : ""}
      </p>
      {state.is === "content" ? (
        <>
          {state.content.parts.map((part) => (
            <PartView key={part.part} part={part} />
          ))}
          <p class="note">
            Your reading is recorded. The content is deleted after {state.content.retention_until.slice(0, 10)}.
          </p>
          <p class="row">
            <button type="button" onClick={() => setState({ is: "closed" })}>
              Hide the content
            </button>
            {isSure ? (
              <>
                <button type="button" onClick={() => void ask(deleteContent(call))}>
                  Delete it for good
                </button>
                <button type="button" class="quiet" onClick={() => setSure(false)}>
                  Keep it
                </button>
              </>
            ) : (
              <button type="button" class="quiet" onClick={() => setSure(true)}>
                Delete the content
              </button>
            )}
          </p>
        </>
      ) : (
        <>
          <p>{wordsOf(state)}</p>
          <p class="row">
            <button type="button" disabled={state.is === "waiting"} onClick={show}>
              Show the content
            </button>
          </p>
        </>
      )}
    </section>
  )
}

function wordsOf(state: Exclude<State, { readonly is: "content" }>): string {
  if (state.is === "problem") return state.message
  if (state.is === "deleted") return "The content of this call is deleted."
  return "Where content capture is on, the router has stored what was said in this call. Each reading is recorded, with your name."
}

const TITLES: Readonly<Record<string, string>> = { headers: "Headers", request: "Request", answer: "Answer" }

function PartView({ part }: { readonly part: ContentPart }): VNode {
  const title = TITLES[part.part] ?? `Error of attempt ${Number(part.part.split("_").at(-1)) + 1}`
  return (
    <>
      <h3>{title}</h3>
      <p class="note">{notesOf(part).join(" · ")}</p>
      <pre tabindex={0} role="region" aria-label={title}>
        {shownText(part)}
      </pre>
    </>
  )
}

function notesOf({ form, original_bytes, kept_bytes, truncated, redactions, left_out }: ContentPart): string[] {
  return [
    form === "events" ? "a stream, event by event" : "",
    truncated ? `the first ${kept_bytes} of ${original_bytes} bytes` : `${original_bytes} bytes`,
    redactions === 0 ? "" : `${redactions} redacted`,
    left_out === 0 ? "" : `${left_out} left out`,
  ].filter((note) => note !== "")
}

/** JSON in lines; what is none, or was cut, as it is. */
function shownText({ form, content, truncated }: ContentPart): string {
  if (form !== "json" || truncated) return content
  try {
    return JSON.stringify(JSON.parse(content), null, 2)
  } catch {
    return content
  }
}
