import { useEffect, useState } from "preact/hooks"

/** Paper has no next page to press for: tables show all of their rows on it. */
export function usePrinting(): boolean {
  const [isPrinting, setPrinting] = useState(false)
  useEffect(() => {
    const begun = (): void => setPrinting(true)
    const ended = (): void => setPrinting(false)
    addEventListener("beforeprint", begun)
    addEventListener("afterprint", ended)
    return () => {
      removeEventListener("beforeprint", begun)
      removeEventListener("afterprint", ended)
    }
  }, [])
  return isPrinting
}
