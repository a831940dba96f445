// ISO 8601 weeks, as the API writes them: "2011-W05". Their days are civil dates, so everything is done in UTC.

const DAY = 86_400_000;

/** The Monday of a week, as a moment at midnight UTC. */
export function mondayOf(week) {
  const [year, number] = week.split("-W").map(Number);
  const fourth = Date.UTC(year, 0, 4); // always in week 1
  return new Date(fourth + ((number - 1) * 7 - ((new Date(fourth).getUTCDay() + 6) % 7)) * DAY);
}

/** The week of a date "2011-02-01". */
export function weekOf(date) {
  const day = new Date(`${date}T00:00:00Z`);
  const thursday = new Date(day.getTime() + (3 - ((day.getUTCDay() + 6) % 7)) * DAY);
  const first = Date.UTC(thursday.getUTCFullYear(), 0, 1);
  const number = 1 + Math.floor((thursday.getTime() - first) / DAY / 7);
  return `${thursday.getUTCFullYear()}-W${String(number).padStart(2, "0")}`;
}

/** The date "2011-02-01" of a moment at midnight UTC. */
export const dateOf = (moment) => moment.toISOString().slice(0, 10);

/** The date of a day of a week: 0 is its Monday, 6 its Sunday. */
export const dayOf = (week, day) => dateOf(new Date(mondayOf(week).getTime() + day * DAY));

/** The week so many weeks later. */
export const plus = (week, weeks) => weekOf(dayOf(week, 7 * weeks));

/** How many weeks lie between two. */
export const between = (from, to) => Math.round((mondayOf(to) - mondayOf(from)) / DAY / 7);

/** All weeks from one to another, both included. */
export function span(from, to) {
  return Array.from({ length: Math.max(0, between(from, to) + 1) }, (_, place) => plus(from, place));
}

export const isWeek = (text) => /^\d{4}-W(0[1-9]|[1-4]\d|5[0-3])$/.test(text ?? "");
