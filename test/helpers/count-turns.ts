/** How often other work had its turn on the event loop while something went on. */
export function countTurns(): { stop(): number } {
  let [turns, isOver] = [0, false]
  const next = (): void => {
    turns += 1
    if (!isOver) setImmediate(next)
  }
  setImmediate(next)
  return {
    stop: () => {
      isOver = true
      return turns
    },
  }
}
