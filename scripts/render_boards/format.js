// Values as Grafana writes them: units, thresholds, value mappings.
"use strict";

const NAMED = {
  green: "#73bf69", orange: "#ff9830", red: "#f2495c", blue: "#8ab8ff", purple: "#ca95e5",
  "dark-red": "#c4162a", "light-orange": "#ffb357", text: "#ccccdc", transparent: "transparent",
};
const PALETTE = [
  "#73bf69", "#f2cc0c", "#8ab8ff", "#ff780a", "#f2495c", "#5794f2", "#b877d9", "#705da0",
  "#37872d", "#fade2a", "#447ebc", "#c15c17", "#890f02", "#0a437c", "#6d1f62", "#584477",
];

const color = (name) => NAMED[name] ?? name;
const DEEP = new Set([NAMED["dark-red"]]);  // on which only light text can be read
const on = (ground) => (DEEP.has(ground) ? "#ffffff" : "#111217");

const scaled = (value, factor, names) => {
  let power = 0;
  let rest = value;
  while (Math.abs(rest) >= factor && power < names.length - 1) {
    rest /= factor;
    power += 1;
  }
  return [rest, names[power]];
};

const rounded = (value, decimals) => {
  if (decimals !== undefined) return value.toFixed(decimals);
  const size = Math.abs(value);
  if (size !== 0 && size < 0.01) return value.toPrecision(2);
  const places = size >= 100 ? 0 : size >= 10 ? 1 : 2;
  return String(Number(value.toFixed(places)));
};

const seconds = (value, decimals) => {
  const size = Math.abs(value);
  if (size === 0) return "0 s";
  if (size < 1e-3) return `${rounded(value * 1e6, decimals)} µs`;
  if (size < 1) return `${rounded(value * 1e3, decimals)} ms`;
  const steps = [[60, 1, "s"], [3600, 60, "mins"], [86400, 3600, "hours"], [604800, 86400, "days"],
    [31536000, 604800, "weeks"], [Infinity, 31536000, "years"]];
  const [, by, name] = steps.find(([limit]) => size < limit);
  return `${rounded(value / by, decimals)} ${name}`;
};

const UNITS = {
  short: (value, decimals) => {
    const [rest, name] = scaled(value, 1000, ["", " K", " Mil", " Bil", " Tri"]);
    return rounded(rest, decimals) + name;
  },
  bytes: (value, decimals) => {
    const [rest, name] = scaled(value, 1024, ["B", "KiB", "MiB", "GiB", "TiB"]);
    return `${rounded(rest, decimals)} ${name}`;
  },
  percentunit: (value, decimals) => `${rounded(value * 100, decimals)}%`,
  Bps: (value, decimals) => `${UNITS.bytes(value, decimals)}/s`,
  s: seconds,
  cps: (value, decimals) => `${UNITS.short(value, decimals)} c/s`,
  mps: (value, decimals) => `${UNITS.short(value, decimals)} msg/s`,
  reqps: (value, decimals) => `${UNITS.short(value, decimals)} req/s`,
};

const mapped = (value, config) => {
  for (const { type, options } of config.mappings ?? []) {
    if (type === "value" && options[String(value)]) return options[String(value)];
    if (type === "range" && value >= (options.from ?? -Infinity) && value <= (options.to ?? Infinity)) {
      return options.result;
    }
  }
  return null;
};

const written = (value, config) => {
  if (value === null || value === undefined || Number.isNaN(value)) return config.noValue ?? "-";
  const word = mapped(value, config);
  if (word) return word.text;
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "-∞";
  return (UNITS[config.unit] ?? UNITS.short)(value, config.decimals);
};

const threshold = (value, config) => {
  let found = "text";
  for (const step of config.thresholds?.steps ?? []) {
    if (step.value === null || value >= step.value) found = step.color;
  }
  return color(found);
};

const painted = (value, config) => {
  const word = mapped(value, config);
  return word ? color(word.color) : threshold(value, config);
};

const escaped = (text) => String(text).replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);
