/** Goes on at once where the value is here, and later where it is on its way: a turn of the event loop costs more than a step. */
export function goOn<Value, Result>(
  value: Value | Promise<Value>,
  step: (value: Value) => Result | Promise<Result>,
): Result | Promise<Result> {
  return value instanceof Promise ? value.then((here) => step(here)) : step(value)
}
