// The language service imports JSON as bundlers do; Node wants to be told the type, so it is told.
export async function load(url, context, next) {
  const json = url.startsWith("file:") && url.endsWith(".json");
  return next(url, json ? {...context, importAttributes: {...context.importAttributes, type: "json"}} : context);
}
