import type { ComponentChildren, TargetedMouseEvent, VNode } from "preact"
import { go } from "./location.ts"

interface LinkProps {
  readonly to: string
  readonly children: ComponentChildren
  readonly class?: string
  readonly current?: boolean
  readonly title?: string
}

/** Goes there without loading the page anew; a new tab or window is the browser's. */
export function Link({ to, children, current = false, title, ...rest }: LinkProps): VNode {
  const clicked = (event: TargetedMouseEvent<HTMLAnchorElement>): void => {
    if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return
    event.preventDefault()
    go(to)
  }
  return (
    <a href={to} onClick={clicked} class={rest.class} title={title} aria-current={current ? "page" : undefined}>
      {children}
    </a>
  )
}
