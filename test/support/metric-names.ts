/** What an expression of PromQL names. */
export interface NamedInExpression {
  readonly metrics: readonly string[];
  readonly labels: readonly string[];
}

// Words of the language and of Prometheus itself.
const LANGUAGE = new Set(
  `sum count min max avg topk rate increase changes absent time vector histogram_quantile predict_linear
  by without on ignoring and or unless group_left group_right bool offset inf NaN up ALERTS`.split(
    /\s+/,
  ),
);

/** The metrics and labels of an expression, by its form; recorded rules (with a colon) are left out. */
export function namesIn(expression: string): NamedInExpression {
  const labels = new Set<string>();
  const metrics = new Set<string>();
  const withoutTexts = expression.replaceAll(/"[^"]*"/g, '""');
  const withoutLabels = withoutTexts
    .replaceAll(/\{([^}]*)\}/g, (_, matchers: string) => {
      for (const [, label = ''] of matchers.matchAll(/([a-z_]\w*)\s*(?:=~|!~|!=|=)/gi))
        labels.add(label);
      return '';
    })
    .replaceAll(/\b(?:by|without|on|ignoring)\s*\(([^)]*)\)/g, (_, list: string) => {
      for (const label of list.split(',')) labels.add(label.trim());
      return '';
    })
    .replaceAll(/\[[^\]]*\]/g, '');
  for (const [name] of withoutLabels.matchAll(/[a-z_:][\w:]*/gi)) {
    if (!LANGUAGE.has(name) && !name.includes(':')) metrics.add(name);
  }
  return { metrics: [...metrics], labels: [...labels].filter((label) => label !== '') };
}
