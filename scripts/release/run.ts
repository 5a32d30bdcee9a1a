/** Runs a program to its end. @throws Error with what it said, when it fails. Resolves with its standard output. */
export async function run(command: readonly string[], cwd: string = process.cwd()): Promise<string> {
  const child = Bun.spawn([...command], { cwd, stdin: "ignore", stdout: "pipe", stderr: "pipe" })
  const [out, err] = await Promise.all([child.stdout.text(), child.stderr.text()])
  if ((await child.exited) !== 0) throw new Error(`${command[0]} failed: ${err}${out}`)
  return out
}
