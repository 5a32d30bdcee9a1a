/** Processes that tests start end with the tests, however these end: also where a test fails, hangs or is killed. */
const SETPRIV = Bun.which("setpriv")

/** The command, killed by the kernel when this process is gone; as it is where the machine has no `setpriv`. */
export function tied(command: readonly string[]): string[] {
  return SETPRIV === null ? [...command] : [SETPRIV, "--pdeathsig", "KILL", ...command]
}
