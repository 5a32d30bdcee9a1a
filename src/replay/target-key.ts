/** Names a target in figures: the same in both configurations as long as provider and model are. */
export function targetKey(provider: string, model: string): string {
  return `${provider}/${model}`
}
