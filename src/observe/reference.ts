import { decisionFields, metricNames, namedByPeople, secretFields, type MetricName } from './names.ts';

/** Text of docs/reference/metrics.md, made from the names in the code. */
export function metricsReference(): string {
  const metrics = Object.values(metricNames) as readonly MetricName[];
  const rows = metrics.map(
    ({ name, type, labels, help }) => `| \`${name}\` | ${type} | ${labels.map((label) => `\`${label}\``).join(', ') || '–'} | ${help} |`,
  );
  const fields = Object.entries(decisionFields).map(([field, meaning]) => `| \`${field}\` | ${meaning} |`);
  const names = new Intl.ListFormat('en-GB').format([...namedByPeople].map((label) => `\`${label}\``));
  return `# Metrics and log lines

This page is generated from \`src/observe/names.ts\`; a test keeps the two equal.

## Metrics

\`GET /metrics\` on the control port answers with OpenMetrics text. Units are base units, counters end in \`_total\`. Labels have few
values: no metric is labelled with a subscription, an application, an endpoint, a reader or an address; those figures are in
\`/api/v1/analytics/…\`, and of an endpoint in its status. A metric that has as many label sets as it may counts the rest with \`other\` for ${names}, by its other labels as ever,
and adds to \`sluice_metrics_label_overflow_total\`. Besides these there are the usual \`process_…\` and \`nodejs_…\` metrics.

| name | type | labels | meaning |
| --- | --- | --- | --- |
${rows.join('\n')}

## The line of a decision

Each decision against a client is one wide line. Repeats of the same within a second are one more line with \`repeats\`.

| field | meaning |
| --- | --- |
${fields.join('\n')}

Values of the fields ${secretFields.map((field) => `\`${field}\``).join(', ')} are never written, at the top of a line or up to two levels below it.
`;
}
