const form = /^(\d{4})-(\d{2})-(\d{2})[Tt](\d{2}):(\d{2}):(\d{2})(?:\.\d{1,32})?(?:[Zz]|([+-])(\d{2}):(\d{2}))$/;

/**
 * Whether a text is a date and time of RFC 3339, section 5.6, that exists: days by month and leap year, offsets up to 23:59, and
 * second 60 only at the end of a month in UTC, where leap seconds are put.
 */
export function isTimestamp(text: string): boolean {
  const match = form.exec(text);
  if (match === null) return false;
  const year = Number(match[1]);
  const month = Number(match[2]);
  const day = Number(match[3]);
  const hour = Number(match[4]);
  const minute = Number(match[5]);
  const second = Number(match[6]);
  if (month < 1 || month > 12 || day < 1 || day > daysIn(year, month)) return false;
  if (hour > 23 || minute > 59 || second > 60) return false;
  const offsetHour = Number(match[8] ?? 0);
  const offsetMinute = Number(match[9] ?? 0);
  if (offsetHour > 23 || offsetMinute > 59) return false;
  if (second < 60) return true;
  const offset = (offsetHour * 60 + offsetMinute) * (match[7] === '-' ? -1 : 1);
  const following = new Date(Date.UTC(2000, 0, 1));
  following.setUTCFullYear(year, month - 1, day);
  following.setUTCHours(hour, minute - offset + 1, 0, 0);
  return following.getUTCDate() === 1 && following.getUTCHours() === 0 && following.getUTCMinutes() === 0;
}

function daysIn(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}
