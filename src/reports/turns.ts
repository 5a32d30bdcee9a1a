/** Work on very many things, in which others have turns. */

/** Less than a millisecond's work on small things. */
const AT_ONCE = 200

/** The same things, some at a time: between two of these lists other work had its turn. */
export async function* inTurns<Thing>(things: Iterable<Thing>): AsyncGenerator<readonly Thing[]> {
  let some: Thing[] = []
  for (const thing of things) {
    some.push(thing)
    if (some.length < AT_ONCE) continue
    yield some
    some = []
    await turn()
  }
  if (some.length > 0) yield some
}

/** Resolves when other work had its turn. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
