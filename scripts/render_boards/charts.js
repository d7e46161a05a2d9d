// What has a time axis: lines and states.
"use strict";

const MARGIN = { top: 8, bottom: 22, side: 80 };

const DURATIONS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400, 172800, 432000, 604800];

const stepOf = (rough, unit) => {
  if (unit === "s" && rough > 1) return DURATIONS.find((step) => step >= rough) ?? rough;
  const binary = unit === "bytes";
  const base = binary ? 1024 ** Math.floor(Math.log(rough) / Math.log(1024)) : 10 ** Math.floor(Math.log10(rough));
  const factors = binary ? [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024] : [1, 2, 2.5, 5, 10];
  return (factors.find((factor) => factor * base >= rough) ?? 10) * base;
};

const ticksOf = (low, high, count, unit) => {
  const step = stepOf((high - low) / count || 1, unit);
  const ticks = [];
  for (let at = Math.ceil(low / step - 1e-9) * step; at <= high + step * 1e-9; at += step) ticks.push(at);
  return ticks;
};

const clock = (time, exact) => new Date(time * 1000).toISOString().slice(11, exact ? 19 : 16);

const timeTicks = ({ start, end }, width) => {
  const steps = [5, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21600];
  const step = steps.find((candidate) => (end - start) / candidate <= width / 70) ?? 86400;
  const ticks = [];
  for (let at = Math.ceil(start / step) * step; at <= end; at += step) ticks.push([at, clock(at, step < 60)]);
  return ticks;
};

const timeAxis = (data, x, height) =>
  timeTicks(data, x(data.end) - x(data.start))
    .filter(([at]) => x(at) < x(data.end) - 16)
    .map(([at, text]) => `<text class="tick" x="${x(at)}" y="${height - 6}" text-anchor="middle">${text}</text>`)
    .join("");

const marked = (data, x, top, bottom) =>
  data.marks
    .map(({ time, color: name }) =>
      `<line x1="${x(time)}" x2="${x(time)}" y1="${top}" y2="${bottom}" stroke="${color(name)}" stroke-dasharray="2 3" opacity="0.8"/>`)
    .join("");

const scaleOf = (series, config, limits, top, bottom) => {
  const values = series.flatMap(({ points }) => points.map(([, value]) => value)).filter(Number.isFinite);
  const low = Math.min(config.min ?? Infinity, ...values, ...limits);
  const high = Math.max(config.max ?? -Infinity, ...values, ...limits, low);
  const room = (high - low) * 0.05 || Math.abs(high) * 0.1 || 1;
  const [from, to] = [config.min ?? low - room, high + room];
  return { from, to, y: (value) => bottom - ((value - from) / (to - from)) * (bottom - top) };
};

const pathOf = (points, x, y, step, stepped) => {
  let path = "";
  let before = null;
  for (const [time, value] of points) {
    if (!Number.isFinite(value)) {
      before = null;
      continue;
    }
    const joined = before && time - before[0] <= step * 1.5;
    if (joined && stepped) path += `H${x(time).toFixed(1)}V${y(value).toFixed(1)}`;
    else path += `${joined ? "L" : "M"}${x(time).toFixed(1)} ${y(value).toFixed(1)}`;
    if (!joined) path += "h0.01";
    before = [time, value];
  }
  return path;
};

// Thresholds are drawn where the lines come near: far above, Grafana's axis leaves them out too.
const drawnLimits = (panel, series) => {
  const { defaults } = panel.fieldConfig;
  if (defaults.custom.thresholdsStyle?.mode !== "dashed") return [];
  const highest = Math.max(0, ...series.flatMap(({ points }) => points.map(([, value]) => value)).filter(Number.isFinite));
  return defaults.thresholds.steps.filter(({ value }) => value !== null && value <= highest * 1.5);
};

const axisOf = (scale, unit, at, anchor, x1, x2) =>
  ticksOf(scale.from, scale.to, 4, unit)
    .map((value) => {
      const y = scale.y(value).toFixed(1);
      const grid = anchor === "end" ? `<line class="grid" x1="${x1}" x2="${x2}" y1="${y}" y2="${y}"/>` : "";
      return `${grid}<text class="tick" x="${at}" y="${+y + 4}" text-anchor="${anchor}">${escaped(written(value, { unit }))}</text>`;
    })
    .join("");

const lines = (panel, data, width, height) => {
  const series = seriesOf(panel, data.answers[panel.id]);
  const onRight = series.filter(({ config }) => config.custom.axisPlacement === "right");
  const onLeft = series.filter((one) => !onRight.includes(one));
  const [left, rightEdge] = [MARGIN.side, width - (onRight.length ? MARGIN.side : 12)];
  const [top, bottom] = [MARGIN.top, height - MARGIN.bottom];
  const x = (time) => left + ((time - data.start) / (data.end - data.start)) * (rightEdge - left);
  const { defaults } = panel.fieldConfig;
  const limits = drawnLimits(panel, series);
  const scales = new Map();
  const leftScale = scaleOf(onLeft, defaults, limits.map(({ value }) => value), top, bottom);
  onLeft.forEach((one) => scales.set(one, leftScale));
  let body = axisOf(leftScale, defaults.unit, left - 8, "end", left, rightEdge);
  if (onRight.length) {
    const rightScale = scaleOf(onRight, defaults, [], top, bottom);
    onRight.forEach((one) => scales.set(one, rightScale));
    body += axisOf(rightScale, onRight[0].config.unit, rightEdge + 8, "start", left, rightEdge);
  }
  for (const { value, color: name } of limits) {
    const y = leftScale.y(value);
    body += `<line x1="${left}" x2="${rightEdge}" y1="${y}" y2="${y}" stroke="${color(name)}" stroke-dasharray="8 6" opacity="0.7"/>`;
  }
  const step = data.steps[panel.id];
  for (const one of series) {
    const path = pathOf(one.points, x, scales.get(one).y, step, one.config.custom.lineInterpolation === "stepAfter");
    const dash = one.config.custom.lineStyle?.fill === "dash" ? ' stroke-dasharray="10 8"' : "";
    body += `<path d="${path}" fill="none" stroke="${one.color}" stroke-width="1.8"${dash}/>`;
  }
  body += marked(data, x, top, bottom) + timeAxis(data, x, height);
  return { svg: `<svg width="${width}" height="${height}">${body}</svg>`, series };
};

const spans = (points, step) => {
  const found = [];
  for (const [time, value] of points) {
    const last = found.at(-1);
    if (last && last.value === value && time - last.end <= step * 1.5) last.end = time;
    else found.push({ start: last && time - last.end <= step * 1.5 ? last.end : time, end: time, value });
  }
  return found.map((span) => ({ ...span, end: Math.max(span.end, span.start + step * 0.5) }));
};

const states = (panel, data, width, height) => {
  const series = seriesOf(panel, data.answers[panel.id]);
  const longest = Math.max(0, ...series.map(({ name }) => name.length));
  const left = Math.min(width * 0.45, longest * 6.6 + 16);
  const rowHeight = Math.min(60, (height - MARGIN.bottom) / Math.max(1, series.length));
  const x = (time) => left + ((time - data.start) / (data.end - data.start)) * (width - left - 12);
  let body = "";
  series.forEach((one, row) => {
    const y = row * rowHeight;
    const name = one.name.slice(0, Math.floor((left - 16) / 6.4));
    if (name !== one.name || rowHeight < 13) data.problems.push(`${panel.title}: the name "${one.name}" is cut`);
    body += `<text class="tick" x="${left - 8}" y="${y + rowHeight / 2 + 4}" text-anchor="end">${escaped(name)}</text>`;
    for (const { start, end, value } of spans(one.points, data.steps[panel.id])) {
      const [from, wide] = [x(start), Math.max(1, x(Math.min(end, data.end)) - x(start))];
      const word = written(value, one.config);
      const ground = painted(value, one.config);
      body += `<rect x="${from}" y="${y + 1}" width="${wide}" height="${rowHeight - 2}" fill="${ground}" opacity="0.75"/>`;
      if (wide > word.length * 7 + 8) body += `<text class="state" fill="${on(ground)}" x="${from + 6}" y="${y + rowHeight / 2 + 4}">${escaped(word)}</text>`;
    }
  });
  body += marked(data, x, 0, series.length * rowHeight);
  return `<svg width="${width}" height="${height}">${body}${timeAxis(data, x, height)}</svg>`;
};
