// Times, in the time zone of whoever reads.

function parts(date, zone, options, language = "en-GB") {
  return new Intl.DateTimeFormat(language, { timeZone: zone || undefined, ...options }).format(date);
}

/** The language of dates: `en-US` is written as in Europe, as the page is. */
function languageOf(locale) {
  return !locale || locale.startsWith("en") ? "en-GB" : locale;
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
export function day(seconds, zone, form = "date_long", language = "en-GB") {
  const date = new Date(seconds * 1000);
  const away = dayNumber(date, zone) - dayNumber(new Date(), zone);
  if (Math.abs(away) <= 1) return new Intl.RelativeTimeFormat(language, { numeric: "auto" }).format(away, "day");
  return parts(date, zone, FORMATS[form], language);
}

function ago(seconds, language) {
  const away = seconds - Date.now() / 1000;
  const units = [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];
  const [unit, length] = units.find(([, size]) => Math.abs(away) >= size) ?? units[3];
  return new Intl.RelativeTimeFormat(language).format(Math.trunc(away / length), unit);
}

/** Fill Slack's date format (`{date_short_pretty} at {time}`) in. */
export function fillDate(seconds, format, zone, locale) {
  const date = new Date(seconds * 1000);
  const language = languageOf(locale);
  return format.replace(/\{([a-z_]+)\}/g, (whole, name) => {
    if (name === "ago") return ago(seconds, language);
    if (name.endsWith("_pretty")) return day(seconds, zone, name.slice(0, -7), language);
    return name in FORMATS ? parts(date, zone, FORMATS[name], language) : whole;
  });
}
