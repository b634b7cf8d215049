/** Names of the models in an answer, whatever the dialect; undefined when it is no list of models. */
export function listedNames(body: string): string[] | undefined {
  const entries = entriesOf(body);
  return entries?.flatMap((entry) => {
    const name = nameOf(entry);
    return name === undefined ? [] : [name];
  });
}

function entriesOf(body: string): unknown[] | undefined {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    return undefined;
  }
  if (Array.isArray(value)) return value;
  if (typeof value !== 'object' || value === null) return undefined;
  // OpenAI and Anthropic, Google, Bedrock.
  for (const field of ['data', 'models', 'modelSummaries']) {
    const list: unknown = Object.hasOwn(value, field) ? Reflect.get(value, field) : undefined;
    if (Array.isArray(list)) return list;
  }
  return undefined;
}

function nameOf(entry: unknown): string | undefined {
  if (typeof entry !== 'object' || entry === null) return undefined;
  for (const field of ['id', 'modelId', 'name']) {
    const name: unknown = Object.hasOwn(entry, field) ? Reflect.get(entry, field) : undefined;
    // Google puts its collection in front.
    if (typeof name === 'string' && name !== '') return name.replace(/^models\//, '');
  }
  return undefined;
}
