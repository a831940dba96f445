/** The end of a participant's id: enough to tell people of a jobcentre apart, and to read aloud. */
export const shortId = (id) => id.slice(-6);
