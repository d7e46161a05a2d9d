// The grid, the panels in it, and a report of what a reader could not read.
"use strict";

const CELL = { width: 64, height: 38, gap: 8 };
const HEAD = 30;
const LEGEND = { row: 22, most: 0.35 }; // of the panel; what is longer scrolls in Grafana, and is a problem here

const emptyIn = (panel, data) => data.answers[panel.id].every((answer) => answer.length === 0);

const nothing = (text) => `<div class="nothing">${escaped(text)}</div>`;

const stat = (panel, data, width, height) => {
  const named = panel.options.textMode;
  const series = seriesOf(panel, data.answers[panel.id]);
  if (!series.length) return `<div class="stats"><div class="value" style="font-size:22px">${escaped(panel.fieldConfig.defaults.noValue)}</div></div>`;
  const cells = series.map(({ name, points, config }) => {
    const value = points.at(-1)[1];
    const text = named === "name" ? name : written(value, config);
    const label = named === "value_and_name" ? `<div class="name">${escaped(name)}</div>` : "";
    const room = width / series.length - 12;
    const size = Math.max(12, Math.min(34, height * 0.5, (room / Math.max(text.length, 3)) * 1.7));
    const paint = named === "name" ? NAMED.text : painted(value, config);
    return `<div class="cell">${label}<div class="value" style="font-size:${size}px;color:${paint}">${escaped(text)}</div></div>`;
  });
  return `<div class="stats">${cells.join("")}</div>`;
};

const bars = (panel, data) => {
  const series = seriesOf(panel, data.answers[panel.id]);
  const highest = Math.max(1, ...series.map(({ points }) => points.at(-1)[1]));
  return `<div class="bars">${series
    .map(({ name, points, config }, index) => {
      const value = points.at(-1)[1];
      const wide = (value / highest) * 100;
      return `<div class="bar"><span class="name">${escaped(name)}</span><span class="track"><i style="width:${wide}%;background:${PALETTE[index % PALETTE.length]}"></i></span><b>${escaped(written(value, config))}</b></div>`;
    })
    .join("")}</div>`;
};

const cellOf = (panel, title, value) => {
  const config = configured(panel, title);
  if (typeof value === "string") {
    return config.links ? `<td class="link">${escaped(value)}</td>` : `<td>${escaped(value)}</td>`;
  }
  const plain = value === undefined || config.custom.cellOptions?.type !== "color-text";
  const paint = plain ? NAMED.text : painted(value, config);
  return `<td class="number" style="color:${paint}">${escaped(written(value, config))}</td>`;
};

const table = (panel, data) => {
  if (emptyIn(panel, data)) return nothing(panel.fieldConfig.defaults.noValue);
  const { columns, rows } = organized(panel, data.answers[panel.id]);
  const number = (name) => /^Value( #|$)/.test(name);
  const head = columns.map(({ name, title }) => `<th class="${number(name) ? "number" : ""}">${escaped(title)}</th>`);
  const body = rows.map((row) => `<tr>${columns.map(({ name, title }) => cellOf(panel, title, row[name])).join("")}</tr>`);
  return `<div class="scroll"><table><thead><tr>${head.join("")}</tr></thead><tbody>${body.join("")}</tbody></table></div>`;
};

const legendRow = ({ name, points, color: paint, config }) => {
  const values = points.map(([, value]) => value).filter(Number.isFinite);
  const dash = config.custom.lineStyle?.fill === "dash" ? "dashed" : "solid";
  const [last, most] = [values.at(-1), values.length ? Math.max(...values) : undefined].map((value) => written(value, config));
  return `<tr><td class="name"><i style="border-top:3px ${dash} ${paint}"></i>${escaped(name)}</td><td>${escaped(last)}</td><td>${escaped(most)}</td></tr>`;
};

const legendItem = ({ name, color: paint, config }) => {
  const dash = config.custom.lineStyle?.fill === "dash" ? "dashed" : "solid";
  return `<span class="name"><i style="border-top:3px ${dash} ${paint}"></i>${escaped(name)}</span>`;
};

const timeseries = (panel, data, width, height) => {
  if (emptyIn(panel, data)) return nothing(panel.fieldConfig.defaults.noValue ?? "No data");
  const names = seriesOf(panel, data.answers[panel.id]).map(({ name }) => name);
  const list = panel.options.legend.displayMode === "list";
  const widest = Math.max(...names.map(({ length }) => length)) * 6.6 + 36;
  const rows = list ? Math.ceil(names.length / Math.max(1, Math.floor(width / widest))) : names.length + 1;
  const legendHeight = Math.min(rows * LEGEND.row, height * LEGEND.most);
  const { svg, series } = lines(panel, data, width, height - legendHeight);
  if (list) return `${svg}<div class="legend list" style="height:${legendHeight}px">${series.map(legendItem).join("")}</div>`;
  const head = "<tr><th>Name</th><th>Last *</th><th>Max</th></tr>";
  return `${svg}<div class="legend" style="height:${legendHeight}px"><table>${head}${series.map(legendRow).join("")}</table></div>`;
};

const timeline = (panel, data, width, height) =>
  emptyIn(panel, data) ? nothing(panel.fieldConfig.defaults.noValue ?? "No data") : states(panel, data, width, height);

const KINDS = { stat, timeseries, table, bargauge: bars, "state-timeline": timeline };

const placed = (panel) => {
  const { x, y, w, h } = panel.gridPos;
  return {
    left: x * CELL.width, top: y * CELL.height,
    width: w * CELL.width - CELL.gap, height: h * CELL.height - CELL.gap,
  };
};

const drawn = (panel, data) => {
  const box = placed(panel);
  const place = `left:${box.left}px;top:${box.top}px;width:${box.width}px;height:${box.height}px`;
  const title = `<h2 class="fit">${escaped(panel.title)}</h2>`;
  if (panel.type === "row") return `<section class="row" style="${place}">${title}</section>`;
  const body = KINDS[panel.type](panel, data, box.width - 16, box.height - HEAD - 8);
  return `<section class="panel" data-id="${panel.id}" style="${place}">${title}<div class="body">${body}</div></section>`;
};

const heading = ({ dashboard, start, end, values }) => {
  const chosen = dashboard.templating.list
    .filter(({ name }) => name !== "datasource")
    .map(({ name, label }) => `<span><b>${escaped(label)}</b> ${escaped(values[name])}</span>`);
  const time = `${new Date(start * 1000).toISOString().slice(0, 16).replace("T", " ")} to ${clock(end)} UTC`;
  return `<header><h1>${escaped(dashboard.title)}</h1>${chosen.join("")}<time>${time}</time></header>`;
};

const cut = (element) =>
  element.scrollWidth > element.clientWidth + 1 || element.scrollHeight > element.clientHeight + 1;

const overlap = (one, other) =>
  one.left < other.right - 1 && other.left < one.right - 1 && one.top < other.bottom - 1 && other.top < one.bottom - 1;

// What a reader would miss: text that is cut, panels over each other, panels without anything.
const report = (data) => {
  const boxes = [...document.querySelectorAll("section")];
  const problems = [...data.problems];
  boxes.forEach((one, index) => {
    for (const other of boxes.slice(index + 1)) {
      if (overlap(one.getBoundingClientRect(), other.getBoundingClientRect())) {
        problems.push(`${one.innerText.split("\n")[0]}: lies over ${other.innerText.split("\n")[0]}`);
      }
    }
    const title = one.querySelector("h2").innerText;
    for (const part of one.querySelectorAll("h2, .value, .name, th, .legend, .bars")) {
      if (cut(part)) problems.push(`${title}: "${part.innerText.slice(0, 40)}" is cut`);
    }
    const edge = one.getBoundingClientRect();
    for (const tick of one.querySelectorAll(".tick")) {
      const { left, right } = tick.getBoundingClientRect();
      if (left < edge.left || right > edge.right) problems.push(`${title}: "${tick.textContent}" is cut`);
    }
    const wide = one.querySelector(".scroll");
    if (wide && wide.scrollWidth > wide.clientWidth + 1) problems.push(`${title}: the table is wider than its panel`);
  });
  const panels = data.dashboard.panels.filter(({ type }) => type !== "row");
  return { problems, empty: panels.filter((panel) => emptyIn(panel, data)).map(({ title }) => title), panels: panels.length };
};

const draw = (data) => {
  data.problems = [];
  const height = Math.max(...data.dashboard.panels.map(({ gridPos }) => gridPos.y + gridPos.h)) * CELL.height;
  const panels = data.dashboard.panels.map((panel) => drawn(panel, data));
  document.body.innerHTML = `${heading(data)}<main style="height:${height}px">${panels.join("")}</main>`;
  const result = document.createElement("script");
  result.type = "application/json";
  result.id = "report";
  result.textContent = JSON.stringify(report(data)).replaceAll("<", "\\u003c");
  document.body.append(result);
};
