/** `smart-router report --verify`: recounts a range of the ledger from its rows. */
import type { ReportThread } from "../../reports/open.ts"
import type { Difference } from "../../reports/query.ts"
import { rangeText } from "../../reports/render/markdown.ts"
import type { Asked } from "../../reports/section.ts"
import { EXIT, print, printError } from "../command.ts"
import { Progress } from "../progress.ts"

const MOST_SHOWN = 20

/** The exit code. Filters do not count here: everything in the range is recounted. */
export async function verifyReport(thread: ReportThread, asked: Asked): Promise<number> {
  const { from, to } = asked
  const progress = new Progress()
  const began = performance.now()
  try {
    const { rows, slots, differences, goneBefore } = await thread.verify({ from, to }, undefined, (told) => {
      if (performance.now() - began > 1000) progress.show((told.untilMs - from) / (to - from), `${told.rows} rows`)
    })
    progress.end()
    print(`${rangeText(asked)}: ${rows} rows recounted, in ${slots} quarters of an hour.`)
    if (goneBefore !== undefined)
      print(
        `Rows from before ${new Date(goneBefore).toISOString()} were deleted by retention: their sums stand, and cannot be recounted.`,
      )
    if (differences.length === 0) {
      print("The figures of reports are what the rows add up to.")
      return EXIT.ok
    }
    printError(
      `The figures differ from the rows in ${differences.length}${differences.length === 1000 ? " or more" : ""} places:`,
    )
    for (const difference of differences.slice(0, MOST_SHOWN)) printError(`  ${differenceText(difference)}`)
    return EXIT.failed
  } finally {
    progress.end()
  }
}

function differenceText({ slot, measure, key, cube, rows }: Difference): string {
  const names = key.filter((value) => value !== "").join(" / ")
  return `${new Date(slot).toISOString()} ${measure}: reports say ${cube}, the rows ${rows} (${names})`
}
