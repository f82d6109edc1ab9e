// A worker of the page: reads files as the page does.
onmessage = async ({ data: [data, script] }) => {
  const said = {};
  try {
    said.fetch = (await fetch(data)).status;
    importScripts(script);
    said.script = self.fromTheStore;
  } catch (error) {
    said.error = String(error);
  }
  postMessage(said);
};
