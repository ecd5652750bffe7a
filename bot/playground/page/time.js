// Times, in the time zone of whoever reads.

function parts(date, zone, options) {
  return new Intl.DateTimeFormat("en-GB", { timeZone: zone || undefined, ...options }).format(date);
}

const FORMATS = {
  date_num: { year: "numeric", month: "2-digit", day: "2-digit" },
  date: { day: "numeric", month: "long", year: "numeric" },
  date_short: { day: "numeric", month: "short", year: "numeric" },
  date_long: { weekday: "long", day: "numeric", month: "long", year: "numeric" },
  time: { hour: "2-digit", minute: "2-digit" },
  time_secs: { hour: "2-digit", minute: "2-digit", second: "2-digit" },
};

/** 14:05 */
export function clock(seconds, zone) {
  return parts(new Date(seconds * 1000), zone, FORMATS.time);
}

/** Sunday 22 November 2026, 14:05:09 */
export function full(seconds, zone) {
  const date = new Date(seconds * 1000);
  return `${parts(date, zone, FORMATS.date_long)}, ${parts(date, zone, FORMATS.time_secs)} (${zone})`;
}

function dayNumber(date, zone) {
  const [day, month, year] = parts(date, zone, FORMATS.date_num).split("/").map(Number);
  return Date.UTC(year, month - 1, day) / 86_400_000;
}

/** Today, yesterday, or the date in the given form. */
export function day(seconds, zone, form = "date_long") {
  const date = new Date(seconds * 1000);
  const away = dayNumber(date, zone) - dayNumber(new Date(), zone);
  const near = { "-1": "yesterday", 0: "today", 1: "tomorrow" }[away];
  return near ?? parts(date, zone, FORMATS[form]);
}

function ago(seconds) {
  const away = seconds - Date.now() / 1000;
  const units = [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];
  const [unit, length] = units.find(([, size]) => Math.abs(away) >= size) ?? units[3];
  return new Intl.RelativeTimeFormat("en").format(Math.trunc(away / length), unit);
}

/** Fill Slack's date format (`{date_short_pretty} at {time}`) in. */
export function fillDate(seconds, format, zone) {
  const date = new Date(seconds * 1000);
  return format.replace(/\{([a-z_]+)\}/g, (whole, name) => {
    if (name === "ago") return ago(seconds);
    if (name.endsWith("_pretty")) return day(seconds, zone, name.slice(0, -7));
    return name in FORMATS ? parts(date, zone, FORMATS[name]) : whole;
  });
}
