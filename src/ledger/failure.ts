/** What went wrong with the database, by what helps against it. */
export type DatabaseFailure =
  /** Another process holds a lock, or two got in each other's way: the same again in a moment. */
  | "busy"
  /** No room, or nobody there: later. */
  | "unavailable"
  /** No answer in time: later, or, where others are answered, this call's own rows are what takes so long. */
  | "slow"
  /** The file was replaced, the connection is gone, nothing can be read or written: a new connection may help. */
  | "broken"
  /** This call's own rows are not acceptable: never. */
  | "content"
