/** Positions of what stands in a file. Inside long lists they are found out when somebody asks. */
import { formatPath, type Place, type Places } from "./findings.ts"
import type { Path } from "./schema/inspect.ts"

/** The places of an item and of all that is in it, and perhaps of its neighbours. */
export type PlacesOfItem = (index: number) => FoundPlaces

export class FoundPlaces implements Places {
  readonly #found = new Map<string, Place>()
  readonly #longLists = new Map<string, PlacesOfItem>()

  get(path: Path): Place | undefined {
    const found = this.#found.get(formatPath(path))
    const [name, index] = path
    if (found !== undefined || typeof name !== "string" || typeof index !== "number") return found
    return this.#longLists.get(name)?.(index).get(path)
  }

  set(path: Path, place: Place): void {
    this.#found.set(formatPath(path), place)
  }

  setLongList(name: string, placesOf: PlacesOfItem): void {
    this.#longLists.set(name, placesOf)
  }
}
