// From Prometheus' answers to named series and rows: legends, overrides, merge and organize.
"use strict";

const legend = (format, metric) => {
  // As Grafana does: a label that is missing or empty leaves its name.
  if (format && format !== "__auto") return format.replace(/\{\{\s*(\w+)\s*\}\}/g, (_, label) => metric[label] || label);
  const labels = Object.entries(metric).filter(([name]) => name !== "__name__");
  return labels.map(([name, value]) => `${name}="${value}"`).join(", ") || "Value";
};

const hits = (matcher, name) =>
  matcher.id === "byName" ? matcher.options === name : new RegExp(`^(?:${matcher.options})$`).test(name);

// The panel's defaults with every override that fits this name, in order.
const configured = (panel, name) => {
  const { defaults, overrides } = panel.fieldConfig;
  const config = { ...defaults, custom: { ...defaults.custom } };
  for (const { matcher, properties } of overrides) {
    if (!hits(matcher, name)) continue;
    for (const { id, value } of properties) {
      if (id.startsWith("custom.")) config.custom[id.slice(7)] = value;
      else config[id] = value;
    }
  }
  return config;
};

const seriesOf = (panel, answers) => {
  const found = [];
  panel.targets.forEach((target, index) => {
    for (const { metric, values, value } of answers[index]) {
      const name = legend(target.legendFormat, metric);
      const points = (values ?? [value]).map(([time, text]) => [time, Number(text)]);
      found.push({ name, points, config: configured(panel, name) });
    }
  });
  found.forEach((series, index) => {
    series.color = strokeOf(series, index);
  });
  return found;
};

const strokeOf = ({ config }, index) =>
  config.color?.mode === "fixed" ? color(config.color.fixedColor) : PALETTE[index % PALETTE.length];

// Grafana's `merge`: rows whose common fields agree become one.
const merged = (panel, answers) => {
  const rows = [];
  answers.forEach((answer, index) => {
    const column = answers.length > 1 ? `Value #${panel.targets[index].refId}` : "Value";
    for (const { metric, value } of answer) {
      const { __name__: _, ...labels } = metric;
      const fits = (row) => Object.entries(labels).every(([name, text]) => row[name] === undefined || row[name] === text);
      let row = rows.find((candidate) => fits(candidate) && candidate[column] === undefined);
      if (!row) rows.push((row = {}));
      Object.assign(row, labels, { [column]: Number(value[1]) });
    }
  });
  return rows;
};

const organized = (panel, answers) => {
  const { options } = panel.transformations.find(({ id }) => id === "organize");
  const rows = merged(panel, answers);
  const present = new Set(rows.flatMap(Object.keys));
  const order = options.indexByName;
  const columns = [...present]
    .filter((name) => !options.excludeByName[name])
    .sort((one, other) => (order[one] ?? 99) - (order[other] ?? 99))
    .map((name) => ({ name, title: options.renameByName[name] ?? name }));
  const [sort] = panel.options.sortBy ?? [];
  const by = sort && columns.find(({ title }) => title === sort.displayName)?.name;
  if (by) rows.sort((one, other) => compared(one[by], other[by]) * (sort.desc ? -1 : 1));
  return { columns, rows };
};

const compared = (one, other) =>
  typeof one === "string" ? one.localeCompare(other) : (one ?? -Infinity) - (other ?? -Infinity);
