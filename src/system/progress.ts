/** How far a long step has come, on a terminal. */

interface Terminal {
  readonly isTTY?: boolean
  write(text: string): unknown
}

const CLEAR_LINE = "\r\u001b[K"

/** On anything but a terminal nothing is shown: the log has a line at the beginning and at the end. */
export function migrationProgress(
  terminal: Terminal,
): (step: { readonly version: number; readonly name: string }, share: number) => void {
  if (terminal.isTTY !== true) return () => {}
  return ({ version, name }, share) => {
    const percent = Math.floor(share * 100)
    terminal.write(share === 1 ? CLEAR_LINE : `${CLEAR_LINE}usage database, version ${version} (${name}): ${percent} %`)
  }
}
