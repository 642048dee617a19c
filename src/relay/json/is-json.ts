/** Whether a text from outside is one JSON document: asked before it is stored or stands inside of another one. */
export function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
