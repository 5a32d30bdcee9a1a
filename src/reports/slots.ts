/** The table of a range by time, whose steps fit the range. */
import type { DimensionName } from "./dimensions.ts"
import type { Slot } from "./query.ts"
import type { Asked } from "./section.ts"

const TABLES: Readonly<Record<Slot, { readonly id: string; readonly title: string; readonly by: DimensionName }>> = {
  "15m": { id: "by_hour", title: "By hour", by: "hour" },
  hour: { id: "by_hour", title: "By hour", by: "hour" },
  day: { id: "by_day", title: "By day", by: "day" },
  week: { id: "by_week", title: "By week", by: "week" },
  month: { id: "by_month", title: "By month", by: "month" },
}

export function slotTable({ slot }: Pick<Asked, "slot">): { id: string; title: string; by: readonly DimensionName[] } {
  const { id, title, by } = TABLES[slot]
  return { id, title, by: [by] }
}
