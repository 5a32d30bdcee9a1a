/** A request body's top-level members, read one at a time and only when somebody asks. */
import { searchable } from "../json/search.ts"
import type { Member, ScannedObject } from "../json/scan.ts"
import { textOf } from "./peek.ts"

const NULL = 110
const NOTHING = Buffer.alloc(0)

export class BodyMembers {
  readonly body: ScannedObject

  constructor(body: ScannedObject) {
    this.body = body
  }

  /** The last of that name, as parsers have it. */
  find(key: string): Member | undefined {
    const { members } = this.body
    for (let index = members.length - 1; index >= 0; index--) if (members[index]?.key === key) return members[index]
    return undefined
  }

  /** All of these names. */
  all(keys: readonly string[]): readonly Member[] {
    return this.body.members.filter(({ key }) => keys.includes(key))
  }

  /** Groups of watched names (`watched-names.ts`) in the members of that name. */
  names(key: string): number {
    let names = 0
    for (const member of this.body.members) if (member.key === key) names |= member.names
    return names
  }

  has(key: string): boolean {
    return this.find(key) !== undefined
  }

  /** There, and not null. */
  isSet(key: string): boolean {
    const member = this.find(key)
    return member !== undefined && this.body.bytes[member.start] !== NULL
  }

  /** Any of these is there and not null, also where the key comes again. */
  someSet(keys: ReadonlySet<string>): boolean {
    const { bytes, members } = this.body
    for (const { key, start } of members) if (keys.has(key) && bytes[start] !== NULL) return true
    return false
  }

  /** The member's value; undefined where it is absent. */
  value(key: string): unknown {
    const member = this.find(key)
    return member === undefined ? undefined : JSON.parse(textOf(this.body.bytes, member))
  }

  /** The same, where the key stands there once: of several the upstream may take any. */
  only(key: string): unknown {
    let count = 0
    for (const member of this.body.members) if (member.key === key) count++
    return count === 1 ? this.value(key) : undefined
  }

  /** The bytes of the member's value; empty where it is absent. */
  bytes(key: string): Buffer {
    const member = this.find(key)
    return member === undefined ? NOTHING : searchable(this.body.bytes, member.start, member.end)
  }
}
