/** The console's files as the binary holds them: scripts/build.ts puts another module in this one's place. */
import type { BuiltConsole } from "./build.ts"

/** Null: this is a checkout, which builds them when they are first asked for. */
export const EMBEDDED: (() => Promise<BuiltConsole>) | null = null
