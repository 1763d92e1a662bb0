const second = 1000;
const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const days = '(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)';
const longDays = '(?:Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday)';
const monthName = `(?<month>${months.join('|')})`;
const time = '(?<hour>\\d\\d):(?<minute>\\d\\d):(?<second>\\d\\d)';

/** The three forms of an HTTP-date (RFC 9110, 5.6.7): the one to write, and the two old ones a recipient must still read. */
const dateForms: readonly RegExp[] = [
  new RegExp(`^${days}, (?<day>\\d\\d) ${monthName} (?<year>\\d{4}) ${time} GMT$`),
  new RegExp(`^${longDays}, (?<day>\\d\\d)-${monthName}-(?<year>\\d\\d) ${time} GMT$`),
  new RegExp(`^${days} ${monthName} (?<day>[ \\d]\\d) ${time} (?<year>\\d{4})$`),
];

/** Milliseconds from `now` that a `Retry-After` asks for (RFC 9110, 10.2.3), 0 for a date gone by; undefined when it is neither seconds nor a date. */
export function readRetryAfter(text: string, now: number): number | undefined {
  if (/^\d{1,12}$/.test(text)) return Number(text) * second;
  const date = readHttpDate(text, now);
  return date === undefined ? undefined : Math.max(0, date - now);
}

function readHttpDate(text: string, now: number): number | undefined {
  for (const form of dateForms) {
    const parts = form.exec(text)?.groups;
    if (parts === undefined) continue;
    const month = months.indexOf(parts['month'] ?? '');
    const day = Number(parts['day']);
    const hour = Number(parts['hour']);
    const minute = Number(parts['minute']);
    // A leap second is written as 60.
    if (hour > 23 || minute > 59 || Number(parts['second']) > 60) return undefined;
    const at = Date.UTC(yearOf(parts['year'] ?? '', now), month, day, hour, minute, Number(parts['second']));
    return new Date(Date.UTC(2000, month, day)).getUTCMonth() === month && day > 0 ? at : undefined;
  }
  return undefined;
}

/** A year of two digits that would lie more than 50 years ahead is one of the past. */
function yearOf(digits: string, now: number): number {
  if (digits.length === 4) return Number(digits);
  const thisYear = new Date(now).getUTCFullYear();
  const year = thisYear - (thisYear % 100) + Number(digits);
  return year > thisYear + 50 ? year - 100 : year;
}
