/** As much of JSON Schema as the API's document uses. */
export interface Schema {
  readonly type?: string | readonly string[]
  readonly enum?: readonly unknown[]
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly items?: Schema
}

/** Where a value is not what the schema says; empty: nowhere. */
export function schemaFaults(value: unknown, schema: Schema, at = "$"): string[] {
  const faults: string[] = []
  const types = schema.type === undefined ? null : [schema.type].flat()
  if (types !== null && !types.some((type) => isOf(value, type))) faults.push(`${at} is no ${types.join(" or ")}`)
  if (schema.enum !== undefined && !schema.enum.includes(value))
    faults.push(`${at} is none of ${schema.enum.join(", ")}`)
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    const members = value as Readonly<Record<string, unknown>>
    for (const name of schema.required ?? []) if (!Object.hasOwn(members, name)) faults.push(`${at}.${name} is missing`)
    for (const [name, inner] of Object.entries(schema.properties ?? {}))
      if (Object.hasOwn(members, name)) faults.push(...schemaFaults(members[name], inner, `${at}.${name}`))
  }
  if (Array.isArray(value) && schema.items !== undefined)
    for (const [index, item] of value.entries()) faults.push(...schemaFaults(item, schema.items, `${at}[${index}]`))
  return faults
}

function isOf(value: unknown, type: string): boolean {
  if (type === "null") return value === null
  if (type === "array") return Array.isArray(value)
  if (type === "integer") return Number.isInteger(value)
  if (type === "object") return typeof value === "object" && value !== null && !Array.isArray(value)
  return typeof value === type
}
