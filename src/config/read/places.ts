/** Positions of what stands in a file. */
import { formatPath, type Place, type Places } from "../findings.ts"
import type { Path } from "../schema/inspect.ts"

export class FoundPlaces implements Places {
  readonly #found = new Map<string, Place>()

  get(path: Path): Place | undefined {
    return this.#found.get(formatPath(path))
  }

  set(path: Path, place: Place): void {
    this.#found.set(formatPath(path), place)
  }
}
